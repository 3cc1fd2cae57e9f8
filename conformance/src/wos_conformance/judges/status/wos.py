"""What a WOS does with status reports (status.md)."""

from collections.abc import Iterator
from typing import Any

from wos_conformance.history import Control, ExchangeView, History
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.model import ClientModel, replay
from wos_conformance.judges.reading import has_problem, kind_of, same_json, served, told
from wos_conformance.specification import Specification

_ACCEPTED = (200, 201)


def _reports(history: History) -> Iterator[tuple[ExchangeView, str, ClientModel]]:
    """Reports to well-formed paths, with the kind of text and what the caller was assigned."""
    for view, model in replay(history, served(history, "status")):
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


def _right(history: History) -> Iterator[tuple[ExchangeView, dict[str, Any], ClientModel]]:
    """Valid reports about a deployment that the caller has or had, under its own path."""
    for view, value, model in _valid(history):
        if value["deploymentId"] == view.parameters["deploymentId"] and _is_known(view, model):
            yield view, value, model


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
        if value["deploymentId"] == view.parameters["deploymentId"] and not _is_known(view, model):
            yield _refused(view, 404, "deployment-not-found")


def _in_turn(history: History, *, again: bool) -> Iterator[ExchangeView]:
    """Right reports about deployments that were, or were not, reported on before."""
    right = {view.seq for view, _, _ in _right(history)}
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
    for view, _, model in _right(history):
        if view.parameters["deploymentId"] in model.withdrawn:
            yield kept(view) if view.status in _ACCEPTED else broken(view, expected="200 or 201", received=told(view))


@judge("status.newest-visible")
def last_report_is_shown(history: History) -> Occasions:
    """The operator is shown the last accepted report."""
    right = {view.seq: (view, value) for view, value, _ in _right(history)}
    doubtful = {view.seq: view for view in history.exchanges("status") if view.seq not in right}
    looks = {control.seq: control for control in history.controls("view")}
    last: dict[tuple[str, str], Any] = {}
    for seq in sorted({*right, *doubtful, *looks}):
        if seq in looks:
            yield from _compared(looks[seq], last)
        elif seq in right:
            view, value = right[seq]
            if view.status in _ACCEPTED:
                last[view.client, view.parameters["deploymentId"]] = value
        elif doubtful[seq].status is None or doubtful[seq].status in _ACCEPTED:
            last.pop((doubtful[seq].client, doubtful[seq].parameters["deploymentId"]), None)


def _compared(control: Control, last: dict[tuple[str, str], Any]) -> Occasions:
    client = str(control.request.get("spiffeId"))
    try:
        shown = {entry["deploymentId"]: entry["status"] for entry in (control.response or {})["deployments"]}
    except (KeyError, TypeError):
        return
    for (reporter, name), expected in last.items():
        if reporter != client:
            continue
        if same_json(shown.get(name), expected):
            yield kept(control)
        else:
            did = f"looked at deployment {name} through the test control"
            yield broken(control, did=did, expected=repr(expected)[:300], received=repr(shown.get(name))[:300])
