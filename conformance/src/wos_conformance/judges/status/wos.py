"""What a WOS does with status reports (status.md)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wos_conformance.history import Control, ExchangeView, History
from wos_conformance.judges.desired_state.wos import readable
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.model import ClientModel, replay
from wos_conformance.judges.reading import has_problem, kind_of, media_type, same_json, served, told
from wos_conformance.specification import Specification

_ACCEPTED = (200, 201)
_LAST_VERSION = 2**64 - 1
_LARGEST = 262_144
"""So many bytes of a body are always read."""
_A_SECOND = 1.0
"""How exact an age is."""


def _reports(history: History) -> Iterator[tuple[ExchangeView, str, ClientModel]]:
    """Reports to well-formed paths, with the kind of text and what the caller was assigned."""
    for view, model in replay(history, served(history, "status")):
        if media_type(view.request_header("content-type")) not in (None, "application/json"):
            continue
        if Specification.load().is_valid("deployment-id", view.parameters["deploymentId"]):
            yield view, kind_of(view.request_body), model.of(view.client)


def _valid(history: History) -> Iterator[tuple[ExchangeView, dict[str, Any], ClientModel]]:
    """Reports that are valid by the schema."""
    for view, kind, model in _reports(history):
        if kind == "json" and Specification.load().is_valid("deployment-status", value := view.request_json()):
            yield view, value, model


def _is_known(view: ExchangeView, model: ClientModel) -> bool:
    name = view.parameters["deploymentId"]
    return name in model.deployments or name in model.withdrawn


def _known(history: History) -> Iterator[tuple[ExchangeView, dict[str, Any], ClientModel]]:
    """Valid reports about a deployment that the caller has or had, under its own path."""
    for view, value, model in _valid(history):
        if value["deploymentId"] == view.parameters["deploymentId"] and _is_known(view, model):
            yield view, value, model


def _strangers(value: dict[str, Any], model: ClientModel) -> set[str]:
    """The components in a report that the deployment never had."""
    return {part["name"] for part in value["components"]} - model.components[value["deploymentId"]]


def right_reports(history: History) -> Iterator[tuple[ExchangeView, dict[str, Any], ClientModel]]:
    """Reports in which a WOS has nothing to find fault with."""
    return (found for found in _known(history) if not _strangers(found[1], found[2]))


def _refused(view: ExchangeView, status: int, fragment: str) -> Judgement:
    if has_problem(view, status, fragment):
        return kept(view)
    return broken(view, expected=f"status {status} with the type '{fragment}'", received=told(view))


@judge("status.malformed-400")
def text_that_is_not_json_is_refused(history: History) -> Occasions:
    """What is not JSON in UTF-8 is an invalid request."""
    return (_refused(view, 400, "invalid-request") for view, kind, _ in _reports(history) if kind == "not-json")


@judge("status.invalid-422")
def invalid_report_is_refused(history: History) -> Occasions:
    """JSON that the schema does not allow is a semantic error."""
    for view, kind, _ in _reports(history):
        if kind == "json" and not Specification.load().is_valid("deployment-status", view.request_json()):
            yield _refused(view, 422, "semantic-error")


@judge("status.path-mismatch-422")
def report_about_another_deployment_is_refused(history: History) -> Occasions:
    """A report that names another deployment than the path is a semantic error."""
    for view, value, model in _valid(history):
        if value["deploymentId"] != view.parameters["deploymentId"] and _is_known(view, model):
            yield _refused(view, 422, "semantic-error")


@judge("status.unknown-deployment-404")
def report_about_no_deployment_is_not_found(history: History) -> Occasions:
    """A report about what the caller never had is not found."""
    for view, value, model in _valid(history):
        own_path = value["deploymentId"] == view.parameters["deploymentId"]
        if own_path and view.parameters["deploymentId"] not in model.components:
            yield _refused(view, 404, "deployment-not-found")


@judge("status.unknown-component-422")
def report_about_an_unknown_component_is_refused(history: History) -> Occasions:
    """A report that names what no document of the deployment has had is a semantic error."""
    for view, value, model in _known(history):
        if _strangers(value, model):
            yield _refused(view, 422, "semantic-error")


def _newest_versions(history: History) -> dict[int, int]:
    """For each report the version of the newest manifest that its caller was served before."""
    newest: dict[str, int] = {}
    found: dict[int, int] = {}
    for view in served(history):
        if view.operation == "manifest" and view.status == 200 and (manifest := readable(view)) is not None:
            newest[view.client] = int(manifest["manifestVersion"])
        elif view.operation == "status" and view.client in newest:
            found[view.seq] = newest[view.client]
    return found


def _accepted(view: ExchangeView) -> Judgement:
    return kept(view) if view.status in _ACCEPTED else broken(view, expected="200 or 201", received=told(view))


@judge("status.valid-accepted")
def valid_report_is_accepted(history: History) -> Occasions:
    """Whatever the schema allows about a deployment that is wanted, under a version that was served."""
    newest = _newest_versions(history)
    for view, value, model in right_reports(history):
        is_wanted = view.parameters["deploymentId"] in model.deployments
        body = view.exchange.request.body
        if (
            is_wanted
            and value["adoptedManifestVersion"] <= newest.get(view.seq, 0)
            and body
            and body.length <= _LARGEST
        ):
            yield _accepted(view)


@judge("status.version-ahead-accepted")
def report_ahead_of_the_wos_is_accepted(history: History) -> Occasions:
    """A WOS that was set back learns from its clients."""
    newest = _newest_versions(history)
    for view, value, _ in right_reports(history):
        if newest.get(view.seq, _LAST_VERSION) < value["adoptedManifestVersion"] < _LAST_VERSION:
            yield _accepted(view)


def _in_turn(history: History, *, again: bool) -> Iterator[ExchangeView]:
    """Right reports about deployments that were, or were not, reported on before."""
    right = {view.seq for view, _, _ in right_reports(history)}
    reported: set[tuple[str, str]] = set()
    unsure: set[tuple[str, str]] = set()
    for view in history.exchanges("status"):
        key = (view.client, view.parameters["deploymentId"])
        if view.seq in right and view.status in _ACCEPTED:
            if key not in unsure and (key in reported) == again:
                yield view
            reported.add(key)
            unsure.discard(key)
        elif view.status is None or view.status in _ACCEPTED:
            unsure.add(key)


@judge("status.first-201")
def first_report_is_created(history: History) -> Occasions:
    """The first accepted report about a deployment is answered with 201."""
    for view in _in_turn(history, again=False):
        yield kept(view) if view.status == 201 else broken(view, expected="status 201", received=told(view))


@judge("status.repeat-200")
def later_report_is_updated(history: History) -> Occasions:
    """Later accepted reports about the same deployment are answered with 200."""
    for view in _in_turn(history, again=True):
        yield kept(view) if view.status == 200 else broken(view, expected="status 200", received=told(view))


@judge("status.withdrawn-accepted")
def report_about_a_withdrawn_deployment_is_accepted(history: History) -> Occasions:
    """What is being removed is reported on after it has left the manifest."""
    for view, _, model in right_reports(history):
        if view.parameters["deploymentId"] in model.withdrawn:
            yield _accepted(view)


@dataclass(frozen=True)
class _Arrived:
    """An accepted report."""

    view: ExchangeView
    value: dict[str, Any]

    @property
    def version(self) -> int:
        """The manifest that it is about."""
        return int(self.value["adoptedManifestVersion"])


_Newest = dict[tuple[str, str], _Arrived | None]
"""For each client and deployment the report to be shown; None when that is not known."""


def _looks(history: History) -> Iterator[tuple[Control, _Newest]]:
    """Looks of the operator, with what is to be shown."""
    right = {view.seq: _Arrived(view, value) for view, value, _ in right_reports(history)}
    moments: list[ExchangeView | Control] = [*history.exchanges("status"), *history.controls("view")]
    newest: _Newest = {}
    for moment in sorted([*moments, *history.controls("retire")], key=lambda found: found.seq):
        if isinstance(moment, ExchangeView):
            _arrive(newest, moment, right.get(moment.seq))
        elif moment.verb == "view":
            yield moment, newest
        else:
            client = moment.request.get("spiffeId")
            newest = {key: report for key, report in newest.items() if key[0] != client}


def _arrive(newest: _Newest, view: ExchangeView, report: _Arrived | None) -> None:
    """A report; after one of which nobody knows what became of it, nothing is known any more."""
    key = view.client, view.parameters["deploymentId"]
    if report is not None and view.status in _ACCEPTED:
        shown = newest.setdefault(key, report)
        if shown is not None and report.version >= shown.version:
            newest[key] = report
    elif view.status is None or view.status in _ACCEPTED:
        newest[key] = None


def _shown(history: History) -> Iterator[tuple[Control, str, _Arrived, dict[str, Any]]]:
    """For each look and deployment the report that is to be shown, and what is shown."""
    for control, newest in _looks(history):
        if (shown := _entries(control)) is None:
            continue
        for (client, name), report in newest.items():
            if client == control.request.get("spiffeId") and report is not None:
                yield control, name, report, shown.get(name, {})


@judge("status.newest-visible")
def newest_report_is_shown(history: History) -> Occasions:
    """Of the accepted reports with the greatest version the operator is shown the last one."""
    for control, name, report, shown in _shown(history):
        if same_json(shown.get("status"), report.value):
            yield kept(control)
        else:
            did = f"looked at deployment {name} through the test control"
            received = repr(shown.get("status"))[:300]
            yield broken(control, did=did, expected=repr(report.value)[:300], received=received)


@judge("status.age-shown")
def age_of_the_report_is_shown(history: History) -> Occasions:
    """With the report comes how long ago it has arrived, to the second."""
    for control, name, report, shown in _shown(history):
        if not same_json(shown.get("status"), report.value):
            continue
        age: Any = shown.get("ageSeconds")
        least, most = control.started - report.view.ended, control.ended - report.view.started
        is_number = isinstance(age, int | float) and not isinstance(age, bool)
        if is_number and least - _A_SECOND <= age <= most + _A_SECOND:
            yield kept(control)
        else:
            did = f"looked at deployment {name}, whose report was sent {most:.1f} s ago, through the test control"
            expected = f"ageSeconds from {max(0.0, least - _A_SECOND):.1f} to {most + _A_SECOND:.1f}"
            yield broken(control, did=did, expected=expected, received=repr(age)[:100])


def _entries(control: Control) -> dict[str, dict[str, Any]] | None:
    try:
        return {entry["deploymentId"]: dict(entry) for entry in (control.response or {})["deployments"]}
    except (KeyError, TypeError, ValueError):
        return None


def shown_reports(control: Control) -> dict[str, Any] | None:
    """What the operator is shown of the deployments of a client; None when it cannot be read."""
    entries = _entries(control)
    return None if entries is None else {name: entry.get("status") for name, entry in entries.items()}
