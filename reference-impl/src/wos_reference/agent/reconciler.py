"""The work that makes what runs equal to what was adopted; every step may be repeated after a cut.

The order is always: ledger first, runtime second, the claim in a report last.
"""

import logging
from collections.abc import Generator
from functools import partial
from typing import Any

from wos_reference.agent.ledger import Deployment, Ledger
from wos_reference.agent.report import ComponentState
from wos_reference.agent.reporter import Reporter
from wos_reference.agent.runtime import RetrievalError, Runtime, Workload, WorkloadError, exact, workloads_of
from wos_reference.agent.schedule import Gate
from wos_reference.agent.workshop import Job, Work

log = logging.getLogger(__name__)

NO_REASON = "the runtime does not show what it was asked for"


class Reconciler:
    """Keeps runtime and ledger together and reports every change."""

    def __init__(self, ledger: Ledger, runtime: Runtime, reporter: Reporter, max_backoff: float) -> None:
        self._ledger = ledger
        self._runtime = runtime
        self._reporter = reporter
        self._retry = Gate(max_backoff)

    def reconcile(self) -> Work:
        """The work that brings what runs to what is adopted, as far as the runtime can."""
        running = by_deployment((yield self._runtime.running))
        due = [deployment for deployment in self._ledger.deployments() if self._is_due(deployment, running)]
        failures = 0
        for deployment in sorted(due, key=lambda deployment: deployment.wanted):  # removals first
            failures += yield from self._work_on(deployment, running)
        if due:
            self._retry.failed() if failures else self._retry.succeeded()
        for deployment in due:
            running.pop(deployment.id, None)
        yield from self._remove_strays(running)

    def is_done(self, deployment: Deployment, running: dict[str, set[str]]) -> bool:
        """Whether exactly that runs which shall run of a deployment."""
        return running.get(deployment.id, set()) == self._desired(deployment)

    def _desired(self, deployment: Deployment) -> set[str]:
        workloads = workloads_of(self._reporter.document(deployment)) if deployment.wanted else []
        return {exact(workload) for workload in workloads}

    def _is_due(self, deployment: Deployment, running: dict[str, set[str]]) -> bool:
        if deployment.state == "failed" and (deployment.is_given_up or not self._retry.is_open()):
            return False
        return deployment.state != "installed" or not self.is_done(deployment, running)

    def _work_on(self, deployment: Deployment, running: dict[str, set[str]]) -> Generator[Job, Any, bool]:
        """Do and report what is to be done about one deployment; whether it failed.

        A newer manifest may change its mind about the deployment at any time; then nothing more is said here.
        """
        if self._ledger.deployment(deployment.id) != deployment:
            return False
        self._reporter.report(deployment, "installing" if deployment.wanted else "removing")
        failure = WorkloadError(NO_REASON)
        if not self.is_done(deployment, running):
            try:
                yield self._job(deployment)
            except WorkloadError as error:
                failure = error
        running = by_deployment((yield partial(self._runtime.running, deployment.id)))
        now = self._ledger.deployment(deployment.id)
        if now is None or (now.digest, now.wanted) != (deployment.digest, deployment.wanted):
            return False
        return self._conclude(now, running, failure)

    def _job(self, deployment: Deployment) -> Job:
        if deployment.wanted:
            return partial(self._runtime.install, self._reporter.document(deployment))
        return partial(self._runtime.remove, deployment.id)

    def _conclude(self, deployment: Deployment, running: dict[str, set[str]], failure: WorkloadError) -> bool:
        """Say what became of the work on one deployment; whether it failed."""
        with self._ledger.transaction():
            if not self.is_done(deployment, running):
                self._fail(deployment, running, failure)
                return True
            if deployment.wanted:
                self._ledger.note_success(deployment.id)
                self._reporter.report(deployment, "installed")
            else:
                self._reporter.report(deployment, "removed")
                self._reporter.forget(deployment)
            return False

    def _fail(self, deployment: Deployment, running: dict[str, set[str]], failure: WorkloadError) -> None:
        """Say what failed; an installation is not tried again, unless its parts could not even be retrieved."""
        log.error("%s failed: %s", deployment.id, failure)
        if deployment.wanted and not isinstance(failure, RetrievalError):
            self._ledger.give_up(deployment.id)
        self._reporter.report_components(deployment, self._component_states(deployment, running, str(failure)))

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

    def _remove_strays(self, running: dict[str, set[str]]) -> Work:
        """What runs without a record is left alone until a manifest says what should run at all."""
        if not self._ledger.adopted_version():
            return
        for deployment_id in running.keys() - {deployment.id for deployment in self._ledger.deployments()}:
            log.info("%s is in no adopted manifest; nothing of it may run", deployment_id)
            yield partial(self._runtime.remove, deployment_id)


def by_deployment(workloads: list[Workload]) -> dict[str, set[str]]:
    """What runs: deployment id -> its workloads, each in the form of `exact`."""
    running: dict[str, set[str]] = {}
    for workload in workloads:
        running.setdefault(workload.deployment_id, set()).add(exact(workload))
    return running
