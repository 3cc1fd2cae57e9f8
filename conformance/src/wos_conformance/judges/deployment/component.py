"""How an agent installs the components of Helm and Compose (deployment.md, "Installing")."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from wos_conformance.history import History, Publication
from wos_conformance.judges.deployment.agent import parameters_compared, running_revisions
from wos_conformance.judges.device import Device, devices
from wos_conformance.judges.document import document_of
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.status.report import Report, reports

Judge = Callable[[History], Iterator[Judgement]]
_TIMEOUT = re.compile(r"(?:(\d+)m)?(?:(\d+)s)?")


def profile_of(history: History, publication: Publication, deployment_id: str) -> dict[str, Any]:
    """The profile of a deployment; empty when its document cannot be read."""
    document = document_of(history.body(publication.documents[deployment_id].body)) or {}
    spec = document.get("spec")
    profile = spec.get("deploymentProfile") if isinstance(spec, dict) else None
    return profile if isinstance(profile, dict) else {}


def _by_deployment(history: History, device: Device, kind: str) -> Iterator[tuple[dict[str, Any], list[Report]]]:
    """The profile of each revision of this type, and the reports about it in order."""
    found: dict[tuple[str, str], tuple[dict[str, Any], list[Report]]] = {}
    for report in reports(device):
        publication = device.published(report.version, report.deployment_id, report.view.ended)
        if publication is None:
            continue
        profile = profile_of(history, publication, report.deployment_id)
        if profile.get("type") == kind:
            key = report.deployment_id, publication.documents[report.deployment_id].digest
            found.setdefault(key, (profile, []))[1].append(report)
    yield from found.values()


def _values(kind: str) -> Judge:
    def parameters_are_set(history: History) -> Occasions:
        """Each component of this type shows exactly the values that name it."""
        for publication, look, expected, found in running_revisions(history):
            is_kind = profile_of(history, publication, expected.deployment_id).get("type") == kind
            if is_kind and expected.parameters:
                yield parameters_compared(publication, look, expected, found)

    return parameters_are_set


@judge("deployment.helm-namespace-used")
def charts_run_in_their_namespace(history: History) -> Occasions:
    """Each component of Helm runs where its document says, as far as that can be seen."""
    for publication, look, expected, found in running_revisions(history):
        if profile_of(history, publication, expected.deployment_id).get("type") != "helm":
            continue
        if found.namespace == expected.namespace:
            yield kept(look)
        elif found.namespace is not None:
            did = f"published {expected} for the namespace {expected.namespace!r}"
            yield broken(look, did=did, expected=repr(expected.namespace), received=repr(found.namespace))


def _order(kind: str) -> Judge:
    def components_wait_for_earlier_ones(history: History) -> Occasions:
        """No component begins while one that it has to wait for is not installed."""
        for device in devices(history):
            for profile, said in _by_deployment(history, device, kind):
                parts = profile.get("components", [])
                waited = [part["name"] for part in parts if part["properties"].get("wait", True) is not False]
                yield from _ordered([part["name"] for part in parts], set(waited), said)

    return components_wait_for_earlier_ones


def _ordered(names: list[str], waited: set[str], said: list[Report]) -> Occasions:
    for report in said:
        states = {component["name"]: component["state"] for component in report.value["components"]}
        for at, name in enumerate(names):
            unready = [n for n in names[:at] if n in waited and states.get(n) not in (None, "installed")]
            if not unready or states.get(name) not in ("pending", "installing"):
                continue
            if states[name] == "pending":
                yield kept(report.view)
            elif "removing" not in states.values():
                received = f"{name!r} is 'installing' while {unready[0]!r} is {states[unready[0]]!r}"
                yield broken(report.view, expected=f"{unready[0]!r} installed first", received=received)


def _timeout(kind: str) -> Judge:
    def slow_component_fails_in_time(history: History) -> Occasions:
        """A component that is never ready is reported as failed soon after its own timeout."""
        declared = history.header.declared
        grace = 3 * declared.get("poll_interval", 0.0) + declared.get("request_timeout", 0.0)
        for device in devices(history):
            for profile, said in _by_deployment(history, device, kind):
                for part in profile.get("components", []):
                    allowed = _seconds(part["properties"].get("timeout"))
                    if allowed is not None:
                        yield from _failed_in_time(history, device, part["name"], said, allowed + grace)

    return slow_component_fails_in_time


def _seconds(text: Any) -> float | None:
    found = _TIMEOUT.fullmatch(text) if isinstance(text, str) and text else None
    return int(found[1] or 0) * 60.0 + int(found[2] or 0) if found else None


def _failed_in_time(history: History, device: Device, name: str, said: list[Report], bound: float) -> Occasions:
    states = [(r, c["state"]) for r in said for c in r.value["components"] if c["name"] == name]
    begun = next((report for report, state in states if state == "installing"), None)
    if begun is None or any(state == "installed" for _, state in states):
        return
    failed = next((report for report, state in states if state == "failed"), None)
    end = begun.view.started + bound
    if failed is not None and failed.view.started <= end:
        yield kept(failed.view)
    elif device.runs_until(begun.view.started) > end < history.events[-1].at:
        received = f"after {failed.view.started - begun.view.started:.1f} s" if failed else "no report 'failed'"
        yield broken(begun.view, expected=f"'failed' for {name!r} within {bound:.1f} s", received=received)


judge("deployment.helm-values-set")(_values("helm"))
judge("deployment.compose-environment-set")(_values("compose"))
for _kind in ("helm", "compose"):
    judge(f"deployment.{_kind}-in-order")(_order(_kind))
    judge(f"deployment.{_kind}-timeout-fails")(_timeout(_kind))
