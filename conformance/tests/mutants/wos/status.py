"""Sins of a WOS around status."""

import json
import re
import time
from typing import Any

from sqlalchemy import select, update

from mutants.catalogue import WOS, Patch
from wos_reference.wos import interface, problem, report, schema, storage
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.problem import Refusal


@WOS.against("status.unknown-deployment-404", consequences=("errors.no-server-error",))
def stumbles_over_unknown_deployments(patch: Patch) -> None:
    """A report about a deployment that never was ends in a server error (D16)."""
    components = Fleet.components_of

    def stumble(self: Fleet, client: str, deployment_id: str) -> set[str]:
        if (known := components(self, client, deployment_id)) is None:
            raise problem.Refusal(problem.transient_problem(500))
        return known

    patch(Fleet, "components_of", stumble)


@WOS.against("status.newest-visible")
def shows_the_first_report_for_ever(patch: Patch) -> None:
    """Accepts later reports and throws them away."""
    keep = Fleet.keep_status

    def once(self: Fleet, client: str, deployment_id: str, report: Any) -> bool | None:
        for entry in self.view(client)["deployments"]:
            if entry["deploymentId"] == deployment_id and entry["status"] is not None:
                return False
        return keep(self, client, deployment_id, report)

    patch(Fleet, "keep_status", once)


@WOS.against("status.first-201")
def has_heard_everything_before(patch: Patch) -> None:
    """Answers every report with 200."""
    keep = Fleet.keep_status
    patch(Fleet, "keep_status", lambda *arguments: keep(*arguments) and False)


@WOS.against("status.valid-accepted")
def listens_at_another_path(patch: Patch) -> None:
    """Takes reports at a path in the singular, and knows none in the plural (D12)."""
    singular = re.compile(r"/api/v1/deployment/(?P<deploymentId>[^/]+)/status")
    routes = [(singular if "report" in known.values() else path, known) for path, known in interface.ROUTES]
    patch(interface, "ROUTES", routes)


@WOS.against("status.repeat-200")
def hears_everything_for_the_first_time(patch: Patch) -> None:
    """Answers every report with 201."""
    keep = Fleet.keep_status
    patch(Fleet, "keep_status", lambda *arguments: keep(*arguments) or True)


def _refuse(patch: Patch, is_wrong: Any) -> None:
    """Refuse valid reports; `is_wrong` takes the fleet, the client and the report."""
    keep = Fleet.keep_status

    def strict(self: Fleet, client: str, deployment_id: str, report: Any) -> bool | None:
        if is_wrong(self, client, report):
            raise Refusal(problem.problem("semantic-error"))
        return keep(self, client, deployment_id, report)

    patch(Fleet, "keep_status", strict)


@WOS.against("status.valid-accepted")
def thinks_that_it_knows_what_comes_next(patch: Patch) -> None:
    """Refuses a report whose state does not follow from the one before."""
    order = ["pending", "installing", "installed", "failed", "removing", "removed"]

    def goes_back(fleet: Fleet, client: str, report: Any) -> bool:
        shown = [e["status"] for e in fleet.view(client)["deployments"] if e["deploymentId"] == report["deploymentId"]]
        before = shown[0]["status"]["state"] if shown and shown[0] else order[0]
        return order.index(report["status"]["state"]) < order.index(before)

    _refuse(patch, goes_back)


@WOS.against("status.version-ahead-accepted")
def knows_the_version_better(patch: Patch) -> None:
    """Refuses a report about a version that it does not remember."""

    def is_ahead(fleet: Fleet, client: str, report: Any) -> bool:
        version = json.loads(fleet.manifest(client))["manifestVersion"]
        return bool(report["adoptedManifestVersion"] > version)

    _refuse(patch, is_ahead)


@WOS.against("status.withdrawn-accepted")
def forgets_what_it_has_withdrawn(patch: Patch) -> None:
    """Does not know a deployment any more that has left the manifest."""
    components = Fleet.components_of

    def current(self: Fleet, client: str, deployment_id: str) -> set[str] | None:
        with self.look() as connection:
            gone = connection.execute(select(storage.deployments.c.withdrawn).filter_by(id=deployment_id)).scalar()
        return None if gone else components(self, client, deployment_id)

    patch(Fleet, "components_of", current)


@WOS.against("status.malformed-400")
def calls_broken_reports_invalid(patch: Patch) -> None:
    """Answers 422 to a body that is no JSON."""
    body = interface.json_body

    async def invalid(request: Any) -> Any:
        try:
            return await body(request)
        except Refusal as refusal:
            malformed = request.method == "POST" and refusal.answer.status_code == 400
            raise Refusal(problem.problem("semantic-error")) if malformed else refusal from refusal

    patch(interface, "json_body", invalid)


@WOS.against("status.invalid-422")
def reads_the_first_lines_only(patch: Patch) -> None:
    """Does not look at the components of a report."""
    faults = schema.faults

    def some(name: str, value: Any) -> list[dict[str, str]]:
        found = faults(name, value)
        return [f for f in found if not f["field"].startswith("/components/")] if name == "deployment-status" else found

    patch(schema, "faults", some)


@WOS.against("status.path-mismatch-422")
def calls_strange_reports_malformed(patch: Patch) -> None:
    """Answers 400 to a report about another deployment."""
    mismatch = interface.mismatch
    wrong = "/deploymentId"
    patch(
        interface, "mismatch", lambda f, text: problem.problem("invalid-request") if f == wrong else mismatch(f, text)
    )


@WOS.against("status.unknown-component-422")
def takes_components_that_never_were(patch: Patch) -> None:
    """Does not look at the names in a report."""
    patch(interface, "unknown_components", lambda report, known: [])


def _show(patch: Patch, age: Any) -> None:
    """Show another age, which is made from the row of a report, the moment and the right age."""
    shown = report.shown

    def other(row: Any, now: int) -> dict[str, Any]:
        facts = shown(row, now)
        return facts | {"ageSeconds": age(row, now, facts["ageSeconds"])} if "ageSeconds" in facts else facts

    patch(report, "shown", other)


@WOS.against("status.age-shown")
def takes_every_report_for_new(patch: Patch) -> None:
    """Says of each report that it has just arrived."""
    _show(patch, lambda row, now, age: 0)


@WOS.against("status.age-shown")
def counts_from_its_own_start(patch: Patch) -> None:
    """No report is older than the process that shows it."""
    began = int(time.time())
    _show(patch, lambda row, now, age: min(age, now - began))


@WOS.against("status.age-shown")
def tells_ages_in_milliseconds(patch: Patch) -> None:
    """Says after a minute that a report is sixteen hours old."""
    _show(patch, lambda row, now, age: age * 1000)


@WOS.against("status.age-shown")
def counts_from_what_came_late(patch: Patch) -> None:
    """A report that changes nothing makes the one that is shown new."""
    keep = report.keep

    def anew(connection: Any, spiffe_id: str, deployment_id: str, content: Any) -> bool | None:
        first = keep(connection, spiffe_id, deployment_id, content)
        row = update(storage.deployments).filter_by(spiffe_id=spiffe_id, id=deployment_id)
        connection.execute(row.values(reported_at=int(time.time())))
        return first

    patch(report, "keep", anew)


@WOS.against("status.age-shown")
def shows_reports_without_their_age(patch: Patch) -> None:
    """The operator does not learn when a report has arrived."""
    shown = report.shown
    patch(report, "shown", lambda row, now: {k: v for k, v in shown(row, now).items() if k != "ageSeconds"})
