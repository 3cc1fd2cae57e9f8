"""Sins of an agent around status."""

import json
import uuid
from dataclasses import replace
from typing import Any

from mutants.catalogue import AGENT, Patch
from wos_reference.agent import outbox, report, reporter
from wos_reference.agent.agent import Agent
from wos_reference.agent.desired_state import Manifest
from wos_reference.agent.ledger import Ledger, Report
from wos_reference.agent.outbox import Outbox
from wos_reference.agent.reconciler import Reconciler
from wos_reference.agent.runtime.folder import FolderRuntime


def _with_report(patch: Patch, change: Any) -> None:
    report_body = reporter.report_body

    def changed(*arguments: Any) -> tuple[bytes, str]:
        body, state = report_body(*arguments)
        content = json.loads(body)
        change(content)
        return json.dumps(content).encode(), state

    patch(reporter, "report_body", changed)


@AGENT.against("status.body-valid")
def writes_states_in_capitals(patch: Patch) -> None:
    """Uses words that the schema does not know."""
    _with_report(patch, lambda content: content["status"].update(state=content["status"]["state"].upper()))


@AGENT.against("status.path-names-deployment")
def reports_to_nowhere(patch: Patch) -> None:
    """The path names a deployment that is not in the report."""
    patch(outbox, "status_path", lambda deployment_id: f"/api/v1/deployments/{uuid.uuid4()}/status")


@AGENT.against("status.legal-order")
def tells_the_newest_first(patch: Patch) -> None:
    """Delivers the reports about a deployment backwards."""

    def last(self: Ledger) -> list[Any]:
        rows = self._database.execute(
            "SELECT number, deployment_id, body FROM outbox WHERE number IN"
            " (SELECT max(number) FROM outbox GROUP BY deployment_id)"
        )
        return [Report(*row) for row in rows]

    patch(Ledger, "first_reports", last)


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


@AGENT.against("status.not-before-retrieval")
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


@AGENT.against("status.tells-the-truth")
def says_installed_and_does_nothing(patch: Patch) -> None:
    """Takes the order for the deed."""
    patch(Reconciler, "is_done", lambda self, deployment, running: True)


@AGENT.against("status.tells-the-truth")
def installs_half(patch: Patch) -> None:
    """Runs the first component and calls it done."""
    install = FolderRuntime.install
    first = lambda d: replace(d, components=d.components[:1])  # noqa: E731 - two words about one thing
    patch(FolderRuntime, "install", lambda self, document: install(self, first(document)))
    patch(Reconciler, "is_done", lambda self, d, running: (d.id in running) is d.wanted)


@AGENT.against("status.components-complete")
def reports_one_component(patch: Patch) -> None:
    """Says nothing about the other components."""
    _with_report(patch, lambda content: content.update(components=content["components"][:1]))


@AGENT.against("status.most-severe-state")
def paints_in_rosy_colours(patch: Patch) -> None:
    """The whole is installed, whatever its parts are."""
    patch(report, "overall_state", lambda states: "installed")


@AGENT.against("status.adopted-version")
def reports_a_version_of_tomorrow(patch: Patch) -> None:
    """Names a version that it was never served."""
    _with_report(patch, lambda content: content.update(adoptedManifestVersion=content["adoptedManifestVersion"] + 1))


@AGENT.against("status.adopted-version-advances")
def names_the_first_version_for_ever(patch: Patch) -> None:
    """Names the version in which a deployment came, whatever has changed since."""
    want = Ledger.want

    def stale(self: Ledger, entry: Any, version: int) -> None:
        before = {deployment.id: deployment.version for deployment in self.deployments()}
        want(self, entry, before.get(entry.deployment_id, version))

    patch(Ledger, "want", stale)


@AGENT.against("status.repeated-after-failure")
def says_everything_once(patch: Patch) -> None:
    """A report that was not taken is forgotten."""
    patch(Outbox, "_note_failure", lambda self, report: self._ledger.settle_report(report.number))
