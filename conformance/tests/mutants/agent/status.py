"""Sins of an agent around status."""

import json
import uuid
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

from mutants.catalogue import AGENT, Patch
from wos_reference.agent import cli, outbox, report, reporter
from wos_reference.agent.agent import Agent
from wos_reference.agent.desired_state import Manifest
from wos_reference.agent.ledger import Ledger, Report
from wos_reference.agent.outbox import Outbox, status_path
from wos_reference.agent.reconciler import Reconciler
from wos_reference.agent.reporter import Reporter
from wos_reference.agent.runtime.folder import FolderRuntime
from wos_reference.agent.transport import NoAnswerError, Transport


def with_report(patch: Patch, change: Any) -> None:
    """Change the content of every report about a document that is here; used by the sins of other areas, too."""
    report_body = reporter.report_body

    def changed(*arguments: Any) -> tuple[bytes, str]:
        body, state = report_body(*arguments)
        content = json.loads(body)
        change(content)
        return json.dumps(content).encode(), state

    patch(reporter, "report_body", changed)


@AGENT.against("status.body-valid", consequences=("status.installed-reported",))
def writes_states_in_capitals(patch: Patch) -> None:
    """Uses words that the schema does not know."""
    with_report(patch, lambda content: content["status"].update(state=content["status"]["state"].upper()))


@AGENT.against("status.path-names-deployment")
def reports_to_nowhere(patch: Patch) -> None:
    """The path names a deployment that is not in the report."""
    patch(outbox, "status_path", lambda deployment_id: f"/api/v1/deployments/{uuid.uuid4()}/status")


@AGENT.against("status.legal-order", consequences=("status.repeated-after-failure",))
def tells_the_newest_first(patch: Patch) -> None:
    """Delivers the reports about a deployment backwards."""

    def last(self: Ledger) -> list[Any]:
        rows = self._database.execute(
            "SELECT number, deployment_id, body FROM outbox WHERE number IN"
            " (SELECT max(number) FROM outbox GROUP BY deployment_id)"
        )
        return [Report(*row) for row in rows]

    patch(Ledger, "first_reports", last)


@AGENT.against("status.legal-order")
def forgets_what_it_could_not_get(patch: Patch) -> None:
    """Answers an older manifest by the state of what it has adopted, although it has told a failure since."""

    def repeat(self: Reporter) -> None:
        self._ledger.forget_refusals()
        self._ledger._database.execute("UPDATE deployment SET state = 'installed' WHERE state = 'failed'")
        self._ledger.repeat_reports()

    patch(Reporter, "repeat", repeat)


def _never_say(patch: Patch, unsaid: str) -> None:
    queue = Ledger.queue_report

    def some(self: Ledger, deployment_id: str, state: str, body: bytes) -> None:
        if state == unsaid:
            self._set_state(deployment_id, state)
        else:
            queue(self, deployment_id, state, body)

    patch(Ledger, "queue_report", some)


@AGENT.against("status.installed-reported")
def never_says_installed(patch: Patch) -> None:
    """Stops reporting when the work is done."""
    _never_say(patch, "installed")


@AGENT.against("status.removed-reported")
def never_says_removed(patch: Patch) -> None:
    """Removes without a word."""
    _never_say(patch, "removed")


@AGENT.against("status.not-before-retrieval", consequences=("status.components-complete", "status.legal-order"))
def says_installing_too_early(patch: Patch) -> None:
    """Reports work on documents that it does not have yet."""
    acceptable = Agent.is_acceptable

    def hasty(self: Agent, manifest: Manifest) -> bool:
        if not acceptable(self, manifest):
            return False
        for entry in manifest.entries:
            content = {
                "apiVersion": "deployment.margo.org/v1alpha1",
                "kind": "DeploymentStatusManifest",
                "deploymentId": entry.deployment_id,
                "adoptedManifestVersion": manifest.version,
                "status": {"state": "installing"},
                "components": [{"name": "main", "state": "installing"}],
            }
            headers = {"content-type": "application/json"}
            self._status.call("POST", outbox.status_path(entry.deployment_id), headers, json.dumps(content).encode())
        return True

    patch(Agent, "is_acceptable", hasty)


@AGENT.against("status.tells-the-truth", consequences=("desired-state.converges",))
def says_installed_and_does_nothing(patch: Patch) -> None:
    """Takes the order for the deed."""
    patch(Reconciler, "is_done", lambda self, deployment, running: True)


@AGENT.against("status.tells-the-truth", consequences=("desired-state.converges",))
def installs_half(patch: Patch) -> None:
    """Runs the first component and calls it done."""
    install = FolderRuntime.install
    first = lambda d: replace(d, components=d.components[:1])  # noqa: E731 - two words about one thing
    patch(FolderRuntime, "install", lambda self, document: install(self, first(document)))
    patch(Reconciler, "is_done", lambda self, d, running: (d.id in running) is d.wanted)


@AGENT.against("status.components-complete")
def reports_one_component(patch: Patch) -> None:
    """Says nothing about the other components."""
    with_report(patch, lambda content: content.update(components=content["components"][:1]))


@AGENT.against("status.most-severe-state", consequences=("status.installed-reported", "status.legal-order"))
def paints_in_rosy_colours(patch: Patch) -> None:
    """The whole is installed, whatever its parts are."""
    patch(report, "overall_state", lambda states: "installed")


@AGENT.against("status.adopted-version", consequences=("status.not-before-retrieval",))
def reports_a_version_of_tomorrow(patch: Patch) -> None:
    """Names a version that it was never served."""
    with_report(patch, lambda content: content.update(adoptedManifestVersion=content["adoptedManifestVersion"] + 1))


@AGENT.against("status.adopted-version-advances", consequences=("status.installed-reported", "status.legal-order"))
def names_the_first_version_for_ever(patch: Patch) -> None:
    """Names the version in which a deployment came, whatever has changed since."""
    want = Ledger.want

    def stale(self: Ledger, entry: Any, version: int) -> None:
        before = {deployment.id: deployment.version for deployment in self.deployments()}
        want(self, entry, before.get(entry.deployment_id, version))

    patch(Ledger, "want", stale)


@AGENT.against("status.repeated-after-failure")
def says_everything_once(patch: Patch) -> None:
    """A report that was not taken is forgotten (D41)."""
    patch(Outbox, "_note_failure", lambda self, report: self._ledger.settle_report(report.number))


@AGENT.against("status.failed-stays")
def tries_for_ever(patch: Patch) -> None:
    """Begins again with what has failed, and says so."""
    fail = Reconciler._fail

    def begin_again(self: Reconciler, deployment: Any, *rest: Any) -> None:
        fail(self, deployment, *rest)
        if deployment.wanted:
            body = report.bare_body(deployment.id, deployment.version, "installing")
            self._reporter._queue(deployment, "installing", body)

    patch(Reconciler, "_fail", begin_again)


@AGENT.against("status.failure-explained")
def fails_without_a_word(patch: Patch) -> None:
    """Reports a failure and not what has failed."""
    with_report(patch, lambda content: content["status"].pop("error", None))


@AGENT.against("status.error-source")
def blames_itself(patch: Patch) -> None:
    """Names itself as the source of every error of a component."""

    def blame(content: dict[str, Any]) -> None:
        for component in content["components"]:
            if "error" in component:
                component["error"]["source"] = "agent"

    with_report(patch, blame)


def _keep_refusals_back(patch: Patch, unsaid: str) -> None:
    report_refusal = Reporter.report_refusal

    def some(self: Reporter, deployment_id: str, version: int, code: str) -> None:
        if code != unsaid:
            report_refusal(self, deployment_id, version, code)

    patch(Reporter, "report_refusal", some)


@AGENT.against("status.unverified-reported")
def refuses_wrong_bytes_in_silence(patch: Patch) -> None:
    """Does not report that a document has another digest."""
    _keep_refusals_back(patch, "verification-failed")


@AGENT.against("status.unretrieved-reported")
def misses_documents_in_silence(patch: Patch) -> None:
    """Does not report that a document cannot be had."""
    _keep_refusals_back(patch, "retrieval-failed")


@AGENT.against("status.one-at-a-time", consequences=("status.legal-order",))
def sends_reports_side_by_side(patch: Patch) -> None:
    """Sends all reports about a deployment at once, each on a connection of its own (D40)."""
    load, deliver, configurations = cli.load, Outbox.deliver, []

    def note(file: Path) -> Any:
        configurations.append(load(file))
        return configurations[-1]

    def send(report: Report) -> None:
        with suppress(NoAnswerError):
            headers = {"content-type": "application/json"}
            Transport(configurations[-1]).exchange("POST", status_path(report.deployment_id), headers, report.body)

    def hurry(self: Outbox, report: Report) -> None:
        Thread(target=send, args=(report,), daemon=True).start()
        deliver(self, report)

    patch(cli, "load", note)
    patch(Outbox, "deliver", hurry)


@AGENT.against("status.survives-power-cut")
def forgets_what_it_had_to_say(patch: Patch) -> None:
    """Keeps its reports in memory only."""
    begin = Ledger.begin_anew

    def empty(self: Ledger) -> None:
        begin(self)
        self._database.execute("DELETE FROM outbox")

    patch(Ledger, "begin_anew", empty)


@AGENT.against("status.child-named", consequences=("deployment.any-child-answered",))
def speaks_of_the_gateway_only(patch: Patch) -> None:
    """Does not say on which child a deployment is."""
    with_report(patch, lambda content: content.pop("deviceId", None))


@AGENT.against("status.gateway-error-source")
def blames_the_deployment(patch: Patch) -> None:
    """Names the deployment as the source of an error that it has found itself."""

    def blame(content: dict[str, Any]) -> None:
        if error := content["status"].get("error"):
            error["source"] = content["deploymentId"]

    with_report(patch, blame)
