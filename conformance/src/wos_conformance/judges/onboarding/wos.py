"""How a WOS takes back a client that it has retired (onboarding.md)."""

from collections.abc import Iterator
from typing import Any

from wos_conformance.history import ExchangeView, History
from wos_conformance.judges.desired_state.wos import manifests, readable
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.model import replay


def _after_return(history: History) -> Iterator[tuple[ExchangeView, dict[str, Any], int, int]]:
    """Manifests of clients that were accepted again and assigned nothing since.

    With each come the event of its admission and the greatest version before it.
    """
    versions: dict[str, int] = {}
    before: dict[tuple[str, int], int] = {}
    for view, model in replay(history, manifests(history)):
        if (value := readable(view)) is None:
            continue
        again, known = model.of(view.client).accepted_again, versions.get(view.client, 0)
        if again is not None:
            yield view, value, again, before.setdefault((view.client, again), known)
        versions[view.client] = max(known, int(value["manifestVersion"]))


@judge("onboarding.return-empty")
def returned_client_begins_empty(history: History) -> Occasions:
    """Nobody inherits deployments."""
    for view, value, _, _ in _after_return(history):
        if value["deployments"]:
            received = f"{len(value['deployments'])} deployments"
            yield broken(view, did=_DID, expected="no deployments", received=received)
        else:
            yield kept(view)


@judge("onboarding.return-greater-version")
def returned_client_is_offered_a_greater_version(history: History) -> Occasions:
    """An agent that remembers the last version adopts the first manifest after its return."""
    seen: set[tuple[str, int]] = set()
    for view, value, again, known in _after_return(history):
        if known == 0 or (view.client, again) in seen:
            continue
        seen.add((view.client, again))
        version = int(value["manifestVersion"])
        if version > known:
            yield kept(view)
        else:
            yield broken(view, did=_DID, expected=f"a version above {known}", received=f"version {version}")


_DID = "retired the client, accepted it again, then asked for the manifest"
