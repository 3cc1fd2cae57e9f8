"""Delivers reports: in line within a deployment, one request at a time, again until the WOS has settled it."""

import logging

from wos_reference.agent.ledger import Ledger, Report
from wos_reference.agent.operation import Operation, is_success, is_transient
from wos_reference.agent.transport import NoAnswerError

log = logging.getLogger(__name__)


class Outbox:
    """The reports of the ledger on their way to the WOS."""

    def __init__(self, operation: Operation, ledger: Ledger) -> None:
        self._operation = operation
        self._ledger = ledger
        self._attempts: dict[str, int] = {}

    def next_report(self) -> Report | None:
        """The head of the line that was tried least often in vain, so that one deployment cannot hold up the others."""
        heads = self._ledger.first_reports()
        return min(heads, key=lambda report: (self._attempts.get(report.deployment_id, 0), report.number), default=None)

    def deliver(self, report: Report) -> None:
        """Send one report and settle it, or leave it in line for the next attempt."""
        self._ledger.attempt_report(report.number)
        try:
            answer = self._operation.call(
                "POST", status_path(report.deployment_id), {"content-type": "application/json"}, report.body
            )
        except NoAnswerError as error:
            log.warning("a report stays in line: %s", error)
            self._note_failure(report)
            return
        self._settle(report, answer.status)

    def _settle(self, report: Report, status: int) -> None:
        if is_transient(status):
            log.warning("a report for %s stays in line: status %d", report.deployment_id, status)
            self._note_failure(report)
            return
        if not is_success(status):
            log.error("a report for %s was refused with status %d and is dropped", report.deployment_id, status)
        self._attempts.pop(report.deployment_id, None)
        self._ledger.settle_report(report.number)

    def _note_failure(self, report: Report) -> None:
        self._attempts[report.deployment_id] = self._attempts.get(report.deployment_id, 0) + 1


def status_path(deployment_id: str) -> str:
    """Where reports for a deployment go."""
    return f"/api/v1/deployments/{deployment_id}/status"
