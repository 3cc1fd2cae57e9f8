"""What an agent does with what it was handed by a registry (deployment.md, "Installing")."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from wos_conformance.history import Control, ExchangeView, History, Publication
from wos_conformance.judges.deployment.agent import adopted, others_run
from wos_conformance.judges.deployment.component import profile_of
from wos_conformance.judges.device import Workload, components_of, deadlines, observed
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.status.failure import failures_told

REGISTRY = "registry-double"
Judge = Callable[[History], Iterator[Judgement]]
_PATH = re.compile(r"/v2/(?P<place>.+)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)")


@dataclass(frozen=True)
class _Pull:
    """A layer that a registry has handed out whole."""

    seq: int
    is_altered: bool
    """Whether its bytes do not have the digest by which it was asked for."""


@lru_cache(maxsize=4)
def _pulls(history: History) -> dict[str, list[_Pull]]:
    """The layers that were handed out, by the place in the registry."""
    layers: dict[str, set[str]] = {}
    found: dict[str, list[_Pull]] = {}
    for view in history.exchanges():
        credential, asked = history.credential(view.connection), _PATH.fullmatch(view.path)
        if credential is None or credential.name != REGISTRY or asked is None:
            continue
        if view.method != "GET" or view.status != 200 or not view.complete:
            continue
        place, reference = asked["place"], asked["reference"]
        if asked["kind"] == "manifests":
            layers.setdefault(place, set()).update(_layers(view))
        elif reference in layers.get(place, ()):
            found.setdefault(place, []).append(_Pull(view.seq, _digest(view) != reference))
    return found


def _layers(view: ExchangeView) -> list[str]:
    named = json.loads(view.body).get("layers", [])
    return [layer["digest"] for layer in named]


def _digest(view: ExchangeView) -> str:
    response = view.exchange.response
    return response.body.digest if response and response.body else ""


def _pulled(history: History, workload: Workload, since: int, until: int) -> _Pull | None:
    """The last time between two events that the package of a component was handed out."""
    place = workload.repository.partition("://")[2].partition("/")[2]
    pulls = (pull for pull in reversed(_pulls(history).get(place, [])) if since < pull.seq < until)
    return next(pulls, None)


def _spoilt(history: History, publication: Publication, kind: str, flaw: str) -> Iterator[Workload]:
    """The components of this type whose package has a flaw."""
    for name, why in sorted(publication.hopeless.items()):
        if why.startswith(flaw) and profile_of(history, publication, name).get("type") == kind:
            yield from components_of(name, history.body(publication.documents[name].body))


def _refused(kind: str, flaw: str, *, altered: bool) -> Judge:
    def spoilt_package_does_not_run(history: History) -> Occasions:
        """Nothing of a package that was handed out with this flaw runs, while the device is alive."""
        for device, _, publication, look in adopted(history):
            for workload in _spoilt(history, publication, kind, flaw):
                pull = _pulled(history, workload, publication.seq, look.seq)
                if pull is None or pull.is_altered != altered:
                    continue
                if (workload.deployment_id, workload.component) in observed(look):
                    yield _runs(look, workload, publication)
                elif others_run(history, publication, observed(look)) and device.polled_after(publication.seq):
                    yield kept(look)

    return spoilt_package_does_not_run


def _runs(look: Control, workload: Workload, publication: Publication) -> Judgement:
    why = publication.hopeless[workload.deployment_id]
    did = f"handed out the package of {workload} with a flaw ({why})"
    return broken(look, did=did, expected="it does not run", received="it runs")


judge("deployment.helm-chart-verified")(_refused("helm", "bytes-altered", altered=True))
judge("deployment.compose-archive-verified")(_refused("compose", "bytes-altered", altered=True))
judge("deployment.compose-archive-checked")(_refused("compose", "archive-", altered=False))


@judge("deployment.compose-exit-fails")
def container_that_ends_is_a_failure(history: History) -> Occasions:
    """A component whose container ends at once with another status than 0 is reported as failed in time."""
    for device, deadline, publication in deadlines(history, "failed-reported"):
        before = device.look_before(deadline.seq)
        if publication.defect or before is None or not observed(before):
            continue
        ended = {
            workload.deployment_id
            for workload in _spoilt(history, publication, "compose", "container-ends")
            if _pulled(history, workload, publication.seq, deadline.seq)
        }
        if not history.has_fault_between(publication.at, deadline.at):
            yield from failures_told(device, deadline, publication, ended, None)
