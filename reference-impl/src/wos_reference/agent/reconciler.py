"""The work that makes what runs equal to what was adopted; every step may be repeated after a cut.

The order is always: ledger first, runtime second, the claim in a report last. Each deployment is worked on by itself.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from wos_reference.agent.device import Fleet
from wos_reference.agent.document import Document, DocumentError
from wos_reference.agent.ledger import Deployment, Ledger
from wos_reference.agent.report import ComponentState, uniform
from wos_reference.agent.reporter import Reporter
from wos_reference.agent.runtime import RetrievalError, Runtime, Workload, WorkloadError, exact, workloads_of
from wos_reference.agent.schedule import Gate
from wos_reference.agent.workshop import Job, Work, Workshop

log = logging.getLogger(__name__)

LOOK = "look"
NO_REASON = "the runtime does not show what it was asked for"


class Reconciler:
    """Keeps runtime and ledger together and reports every change."""

    def __init__(
        self,
        ledger: Ledger,
        runtime: Runtime,
        reporter: Reporter,
        workshop: Workshop,
        fleet: Callable[[], Fleet],
        make_gate: Callable[[], Gate],
        apply_time: float,
    ) -> None:
        self._ledger = ledger
        self._runtime = runtime
        self._reporter = reporter
        self._workshop = workshop
        self._fleet = fleet
        self._make_gate = make_gate
        self._apply_time = apply_time
        self._gates: dict[str, Gate] = {}
        self._begun: dict[str, tuple[str, float]] = {}

    def reconcile(self) -> None:
        """Begin to bring what runs to what is adopted; nothing to do while a look at the runtime is under way."""
        if not self._workshop.is_busy(LOOK):
            self._workshop.begin(LOOK, self._look())

    def _look(self) -> Work:
        try:
            running = by_deployment((yield self._runtime.running))
        except WorkloadError as error:
            log.error("the runtime cannot be looked at: %s", error)
            return
        known = self._ledger.deployments()
        for deployment in known:
            if not self._workshop.is_busy(deployment.id) and self._is_due(deployment, running):
                self._workshop.begin(deployment.id, self._work_on(deployment, running))
        if self._ledger.adopted_version():  # before, nobody has said what should run at all
            for deployment_id in running.keys() - {deployment.id for deployment in known}:
                if not self._workshop.is_busy(deployment_id):
                    self._workshop.begin(deployment_id, self._remove_stray(deployment_id))

    def is_done(self, deployment: Deployment, running: dict[str, set[str]]) -> bool:
        """Whether exactly that runs which shall run of a deployment."""
        return running.get(deployment.id, set()) == self._desired(deployment)

    def _desired(self, deployment: Deployment) -> set[str]:
        workloads = workloads_of(self._reporter.document(deployment)) if deployment.wanted else []
        return {exact(workload) for workload in workloads}

    def _is_due(self, deployment: Deployment, running: dict[str, set[str]]) -> bool:
        if deployment.wanted and deployment.outcome == "given up":
            return False
        gate = self._gates.get(deployment.id)
        if gate and not gate.is_open():
            return False
        return deployment.state != "installed" or not self.is_done(deployment, running)

    def _work_on(self, deployment: Deployment, running: dict[str, set[str]]) -> Work:
        """Do and report what is to be done about one deployment.

        A newer manifest may change its mind about the deployment at any time; then nothing more is said here.
        """
        failure: WorkloadError | None = None
        try:
            deployment = self._placed(deployment) if deployment.wanted else deployment
            self._report_beginning(deployment)
            if not (deployment.wanted and self.is_done(deployment, running)):  # what does not run can still be there
                yield self._job(deployment)
        except WorkloadError as error:
            failure = error
        except DocumentError as error:
            failure = WorkloadError(str(error), code="document-invalid")
        try:
            running = by_deployment((yield partial(self._runtime.running, deployment.id)))
        except WorkloadError as error:
            failure, running = failure or error, {}
        now = self._ledger.deployment(deployment.id)
        if now is not None and (now.digest, now.wanted) == (deployment.digest, deployment.wanted):
            self._conclude(now, running, failure)

    def _placed(self, deployment: Deployment) -> Deployment:
        """The deployment with the device on which it is to run. Raises WorkloadError and DocumentError."""
        device = self._fleet().place(self._reporter.document(replace(deployment, device=None)), deployment.device)
        if device != deployment.device:
            self._ledger.choose_device(deployment.id, device)
            return self._ledger.deployment(deployment.id) or deployment
        return deployment

    def _report_beginning(self, deployment: Deployment) -> None:
        """Say that the first component is begun; the others are waiting for it."""
        if not deployment.wanted:
            self._reporter.report(deployment, "removing")
            return
        first, *others = self._reporter.document(deployment).components
        states = [ComponentState(first.name, "installing")]
        states += [ComponentState(component.name, "pending") for component in others]
        self._reporter.report_components(deployment, states)

    def _job(self, deployment: Deployment) -> Job:
        if deployment.wanted:
            return partial(self._runtime.install, self._reporter.document(deployment))
        return partial(self._runtime.remove, deployment.id)

    def _conclude(self, deployment: Deployment, running: dict[str, set[str]], failure: WorkloadError | None) -> None:
        """Say what became of the work on one deployment."""
        is_done = not is_refused(failure) and self.is_done(deployment, running)
        if not is_done and self._is_to_be_tried_again(deployment, failure):
            self._gates.setdefault(deployment.id, self._make_gate()).failed()
            return
        with self._ledger.transaction():
            if not is_done:
                self._fail(deployment, running, failure or WorkloadError(NO_REASON))
                return
            self._gates.pop(deployment.id, None)
            self._begun.pop(deployment.id, None)
            if deployment.wanted:
                self._ledger.note_success(deployment.id)
                self._reporter.report(deployment, "installed")
            else:
                self._reporter.report(deployment, "removed")
                self._reporter.forget(deployment)

    def _is_to_be_tried_again(self, deployment: Deployment, failure: WorkloadError | None) -> bool:
        """Whether there is time left for a repair, or for an installation whose parts could not be had."""
        is_repair = deployment.outcome == "installed" and not is_refused(failure)
        if not deployment.wanted or not (is_repair or isinstance(failure, RetrievalError)):
            return False
        digest, begun = self._begun.get(deployment.id, ("", 0.0))
        if digest != deployment.digest:
            begun = time.monotonic()
            self._begun[deployment.id] = (deployment.digest, begun)
        return time.monotonic() < begun + self._patience(self._reporter.document(deployment))

    def _patience(self, document: Document) -> float:
        return max(component.timeout or self._apply_time for component in document.components)

    def _fail(self, deployment: Deployment, running: dict[str, set[str]], failure: WorkloadError) -> None:
        """Say what failed; until it is wanted anew, an installation is not tried again, but a removal is."""
        log.error("%s failed: %s", deployment.id, failure)
        if deployment.wanted:
            self._ledger.give_up(deployment.id)
        self._gates.setdefault(deployment.id, self._make_gate()).failed()
        try:
            document = self._reporter.document(deployment)
        except DocumentError:
            self._reporter.report_unreadable(deployment, failure)
            return
        if is_refused(failure):
            self._reporter.report_components(deployment, uniform(document, "failed"), failure)
        else:
            states = component_states(document, running.get(deployment.id, set()), failure, wanted=deployment.wanted)
            self._reporter.report_components(deployment, states)

    def _remove_stray(self, deployment_id: str) -> Work:
        log.info("%s is in no adopted manifest; nothing of it may run", deployment_id)
        try:
            yield partial(self._runtime.remove, deployment_id)
        except WorkloadError as error:
            log.error("%s failed: %s", deployment_id, error)


def is_refused(failure: WorkloadError | None) -> bool:
    """Whether the deployment was not even begun, because it is not for this device."""
    return failure is not None and failure.code in (
        *("101", "102", "103", "document-invalid"),
        *("unlisted-type", "constraint-unmet"),
    )


def component_states(
    document: Document, runs: set[str], failure: WorkloadError, *, wanted: bool
) -> list[ComponentState]:
    """The components after a failure: one has failed, those that are as they should be say so, the rest is waiting."""
    if not wanted:
        failure = WorkloadError(str(failure), code="removal-failed")
    workloads = workloads_of(document)
    done = {workload.component for workload in workloads if (exact(workload) in runs) is wanted}
    undone = [workload.component for workload in workloads if workload.component not in done]
    failed = failure.component or (undone or [workloads[0].component])[0]
    states = []
    for workload in workloads:
        if workload.component == failed or (not wanted and workload.component not in done):
            states.append(ComponentState(workload.component, "failed", failure))
        elif workload.component in done:
            states.append(ComponentState(workload.component, "installed" if wanted else "removed"))
        else:
            states.append(ComponentState(workload.component, "pending"))
    return states


def by_deployment(workloads: list[Workload]) -> dict[str, set[str]]:
    """What runs: deployment id -> its workloads, each in the form of `exact`."""
    running: dict[str, set[str]] = {}
    for workload in workloads:
        running.setdefault(workload.deployment_id, set()).add(exact(workload))
    return running
