"""The work that makes what runs equal to what was adopted; every step may be repeated after a cut.

The order is always: ledger first, runtime second, the claim in a report last.
"""

import json
import logging
from dataclasses import asdict

from wos_reference.agent.ledger import Deployment, Ledger
from wos_reference.agent.report import ComponentState
from wos_reference.agent.reporter import Reporter
from wos_reference.agent.runtime import Runtime, Workload, WorkloadError, workloads_of
from wos_reference.agent.schedule import Gate

log = logging.getLogger(__name__)

NO_REASON = "the runtime does not show what it was asked for"


class Reconciler:
    """Keeps runtime and ledger together and reports every change."""

    def __init__(self, ledger: Ledger, runtime: Runtime, reporter: Reporter, max_backoff: float) -> None:
        self._ledger = ledger
        self._runtime = runtime
        self._reporter = reporter
        self._retry = Gate(max_backoff)

    def reconcile(self) -> None:
        """Bring what runs to what is adopted, as far as the runtime can."""
        try:
            running = self.running()
            due = [deployment for deployment in self._ledger.deployments() if self._is_due(deployment, running)]
            if due:
                self._work_on(due, running)
            self._remove_strays(running)
        except WorkloadError as error:
            log.error("the runtime failed: %s", error)

    def running(self) -> dict[str, set[str]]:
        """What runs now: deployment id -> its workloads, each in the form of `exact`."""
        running: dict[str, set[str]] = {}
        for workload in self._runtime.running():
            running.setdefault(workload.deployment_id, set()).add(exact(workload))
        return running

    def is_done(self, deployment: Deployment, running: dict[str, set[str]]) -> bool:
        """Whether exactly that runs which shall run of a deployment."""
        return running.get(deployment.id, set()) == self._desired(deployment)

    def _desired(self, deployment: Deployment) -> set[str]:
        workloads = workloads_of(self._reporter.document(deployment)) if deployment.wanted else []
        return {exact(workload) for workload in workloads}

    def _is_due(self, deployment: Deployment, running: dict[str, set[str]]) -> bool:
        if deployment.state == "failed" and not self._retry.is_open():
            return False
        return deployment.state != "installed" or not self.is_done(deployment, running)

    def _work_on(self, due: list[Deployment], running: dict[str, set[str]]) -> None:
        removals_first = sorted(due, key=lambda deployment: deployment.wanted)
        failures = {deployment.id: self._attempt(deployment, running) for deployment in removals_first}
        running = self.running()
        for deployment in removals_first:
            self._conclude(deployment, running, failures[deployment.id] or NO_REASON)
        if all(self.is_done(deployment, running) for deployment in due):
            self._retry.succeeded()
        else:
            self._retry.failed()

    def _attempt(self, deployment: Deployment, running: dict[str, set[str]]) -> str | None:
        """Let the runtime work on one deployment; the reason if it fails."""
        self._reporter.report(deployment, "installing" if deployment.wanted else "removing")
        try:
            if not self.is_done(deployment, running):
                self._apply(deployment)
        except WorkloadError as error:
            log.error("%s failed: %s", deployment.id, error)
            return str(error)
        return None

    def _apply(self, deployment: Deployment) -> None:
        if deployment.wanted:
            self._runtime.install(self._reporter.document(deployment))
        else:
            self._runtime.remove(deployment.id)

    def _conclude(self, deployment: Deployment, running: dict[str, set[str]], reason: str) -> None:
        """Say what became of the work on one deployment."""
        if not self.is_done(deployment, running):
            self._reporter.report_components(deployment, self._component_states(deployment, running, reason))
        elif deployment.wanted:
            self._reporter.report(deployment, "installed")
        else:
            with self._ledger.transaction():
                self._reporter.report(deployment, "removed")
                self._reporter.forget(deployment)

    def _component_states(
        self, deployment: Deployment, running: dict[str, set[str]], reason: str
    ) -> list[ComponentState]:
        """The components as they are after a failure: those that are not as they should be have failed."""
        runs = running.get(deployment.id, set())
        states = []
        for workload in workloads_of(self._reporter.document(deployment)):
            done = (exact(workload) in runs) is deployment.wanted
            state = "failed" if not done else "installed" if deployment.wanted else "removed"
            states.append(ComponentState(workload.component, state, None if done else reason))
        if all(state.failure is None for state in states):  # something runs that is no component of this revision
            states[0] = ComponentState(states[0].name, "failed", reason)
        return states

    def _remove_strays(self, running: dict[str, set[str]]) -> None:
        """What runs without a record is left alone until a manifest says what should run at all."""
        if not self._ledger.adopted_version():
            return
        for deployment_id in running.keys() - {deployment.id for deployment in self._ledger.deployments()}:
            log.info("%s is in no adopted manifest; nothing of it may run", deployment_id)
            self._runtime.remove(deployment_id)


def exact(workload: Workload) -> str:
    """A workload as one text, in which 1, 1.0 and true differ."""
    return json.dumps(asdict(workload), sort_keys=True)
