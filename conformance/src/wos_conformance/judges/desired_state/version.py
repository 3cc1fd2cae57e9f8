"""How the version of a manifest follows the desired state (desired-state.md, "Versions")."""

from typing import Any

from wos_conformance.history import ExchangeView, History
from wos_conformance.judges.desired_state.wos import manifests, readable
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.model import ClientModel, replay
from wos_conformance.judges.reading import relations, served
from wos_conformance.specification import Specification

_TOUCHES = ("assign", "set_version", "retire")
_LAST_VERSION = 2**64 - 1


@judge("desired-state.first-version")
def first_manifest_is_empty_and_has_version_1(history: History) -> Occasions:
    """What a client that was just admitted is served first."""
    admitted: set[str] = set()
    touched = {str(c.request.get("spiffeId")) for verb in _TOUCHES for c in history.controls(verb)}
    pending = {}
    for control in history.controls("admit"):
        client = str(control.request.get("spiffeId"))
        if client not in admitted:
            pending[client] = control
        admitted.add(client)
    for view in manifests(history):
        admission = pending.pop(view.client, None)
        value = readable(view)
        if (
            admission is None
            or value is None
            or view.started < admission.ended
            or _touched_before(history, view, touched)
        ):
            continue
        version, count = value["manifestVersion"], len(value["deployments"])
        if version == 1 and count == 0:
            yield kept(view)
        else:
            received = f"version {version} with {count} deployments"
            yield broken(view, expected="version 1 without deployments", received=received)


def _touched_before(history: History, view: ExchangeView, touched: set[str]) -> bool:
    if view.client not in touched:
        return False
    return any(
        control.seq < view.seq and control.request.get("spiffeId") == view.client
        for verb in _TOUCHES
        for control in history.controls(verb)
    )


@judge("desired-state.version-grows")
def version_grows_with_content(history: History) -> Occasions:
    """Other content than before comes under a greater version."""
    last: dict[str, tuple[int, bytes | None]] = {}
    for view in manifests(history):
        value = readable(view)
        if value is None or not isinstance(value["manifestVersion"], int):
            continue
        version = value["manifestVersion"]
        if (before := last.get(view.client)) and before[1] != view.content:
            if version > before[0]:
                yield kept(view)
            else:
                expected = f"a version greater than {before[0]}, because the content differs"
                yield broken(view, expected=expected, received=f"version {version}")
        last[view.client] = (version, view.content)


@judge("desired-state.version-only-on-change")
def unchanged_state_has_unchanged_bytes(history: History) -> Occasions:
    """As long as nothing changes, the manifest is the same to the byte."""
    last: dict[str, tuple[int, bytes]] = {}
    for view, model in replay(history, manifests(history)):
        changes = model.of(view.client).changes
        if view.content is None:
            continue
        before = last.get(view.client)
        last[view.client] = (changes, view.content)
        if before is None or before[0] != changes:
            continue
        if before[1] == view.content:
            yield kept(view)
        elif history.header.level > 0:
            yield broken(view, expected=f"the same bytes as before: {_cut(before[1])}", received=_cut(view.content))


@judge("desired-state.version-above-reported")
def version_is_above_what_was_reported(history: History) -> Occasions:
    """After a change the version is greater than what a client has reported, whatever it was before."""
    reported: dict[tuple[str, int], int] = {}
    last: dict[str, tuple[int, bytes | None]] = {}
    relation = relations(history)
    for view in served(history):
        client = relation(view)
        if view.operation == "status" and view.status in (200, 201):
            version = _reported_version(view)
            reported[client] = max(version, reported.get(client, 0))
        value = readable(view) if view.operation == "manifest" and view.status == 200 and view.complete else None
        if value is None:
            continue
        ahead, version = reported.get(client, 0), int(value["manifestVersion"])
        before = last.get(view.client)
        last[view.client] = (version, view.content)
        if before is None or before[1] == view.content or ahead <= before[0]:
            continue
        if version > ahead:
            yield kept(view)
        else:
            expected = f"a version above {ahead}, which the client has reported"
            yield broken(view, expected=expected, received=f"version {version}")


def _reported_version(view: ExchangeView) -> int:
    """The version in an accepted report, as far as another one can follow it."""
    try:
        value = view.request_json()
    except ValueError:
        return 0
    if not Specification.load().is_valid("deployment-status", value):
        return 0
    version = int(value["adoptedManifestVersion"])
    return version if version < _LAST_VERSION else 0


def _cut(content: bytes) -> str:
    return repr(content[:200]) + ("…" if len(content) > 200 else "")


@judge("desired-state.change-published")
def change_is_in_the_next_manifest(history: History) -> Occasions:
    """What was acknowledged is in the manifest that is served next."""
    seen: dict[str, tuple[int, dict[str, tuple[Any, str]]]] = {}
    for view, model in replay(history, manifests(history)):
        value, wanted = readable(view), model.of(view.client)
        if value is None:
            continue
        served_now = {entry["deploymentId"]: entry["digest"] for entry in value["deployments"]}
        changes, before = seen.get(view.client, (0, {}))
        if wanted.changes != changes:
            yield _published(view, wanted, served_now, before)
        contents = {
            name: (wanted.deployments[name].content, d) for name, d in served_now.items() if name in wanted.deployments
        }
        seen[view.client] = (wanted.changes, contents)


def _published(
    view: ExchangeView, wanted: ClientModel, now: dict[str, str], before: dict[str, tuple[Any, str]]
) -> Judgement:
    did = "changed the desired state, then asked for the manifest"
    if missing := sorted(set(wanted.deployments) - set(now)):
        return broken(view, did=did, expected=f"deployment {missing[0]}, which was assigned", received=f"{sorted(now)}")
    if surplus := sorted(set(now) & (wanted.withdrawn - wanted.lost_with_device - wanted.lost_with_parent)):
        return broken(
            view, did=did, expected=f"no deployment {surplus[0]}, which was withdrawn", received=f"{sorted(now)}"
        )
    for name, deployment in wanted.deployments.items():
        content, digest = before.get(name, (None, None))
        if content is not None and _visible(content) != _visible(deployment.content) and digest == now[name]:
            return broken(view, did=did, expected=f"another digest for {name}, which was updated", received=f"{digest}")
    return kept(view)


def _visible(content: tuple[Any, ...]) -> Any:
    """What of an assignment must show in the document."""
    application, profile_id, values, _ = content
    profiles = [profile for profile in application["deploymentProfiles"] if profile["id"] == profile_id]
    return application["id"], profiles and profiles[0]["components"], values
