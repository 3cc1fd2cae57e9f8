"""Delivers reports: in line within a deployment, one request at a time, again until the WOS has settled it."""

import hashlib
import logging

from wos_reference.agent.ledger import Ledger, Report
from wos_reference.agent.operation import REFUSED_FOR_GOOD, Operation, is_success, may_succeed_later
from wos_reference.agent.transport import Answer, NoAnswerError

log = logging.getLogger(__name__)


class Outbox:
    """The reports of the ledger on their way to the WOS."""

    def __init__(self, operation: Operation, ledger: Ledger) -> None:
        self._operation = operation
        self._ledger = ledger
        self._attempts: dict[str, int] = {}
        self._refused: set[bytes] = set()

    def next_report(self) -> Report | None:
        """The head of the line that was tried least often in vain, so that one deployment cannot hold up the others."""
        heads = self._ledger.first_reports()
        return min(heads, key=lambda report: (self._attempts.get(report.deployment_id, 0), report.number), default=None)

    def forgive(self) -> None:
        """Another manifest was adopted; what was refused before may be said again."""
        self._refused.clear()

    def deliver(self, report: Report) -> None:
        """Send one report and settle it, or leave it in line for the next attempt."""
        if digest_of(report) in self._refused:
            self._ledger.settle_report(report.number)
            return
        self._ledger.attempt_report(report.number)
        try:
            answer = self._operation.call(
                "POST", status_path(report.deployment_id), {"content-type": "application/json"}, report.body
            )
        except NoAnswerError as error:
            log.warning("a report stays in line: %s", error)
            self._note_failure(report)
            return
        self._settle(report, answer)

    def _settle(self, report: Report, answer: Answer) -> None:
        if may_succeed_later(answer):
            log.warning("a report for %s stays in line: status %d", report.deployment_id, answer.status)
            self._note_failure(report)
            return
        if not is_success(answer.status):
            log.error("a report for %s was answered %d and is dropped", report.deployment_id, answer.status)
        if answer.status in REFUSED_FOR_GOOD:
            self._refused.add(digest_of(report))
        self._attempts.pop(report.deployment_id, None)
        self._ledger.settle_report(report.number)

    def _note_failure(self, report: Report) -> None:
        self._attempts[report.deployment_id] = self._attempts.get(report.deployment_id, 0) + 1


def digest_of(report: Report) -> bytes:
    """The mark by which a refused report is known again."""
    return hashlib.sha256(report.body).digest()


def status_path(deployment_id: str) -> str:
    """Where reports for a deployment go."""
    return f"/api/v1/deployments/{deployment_id}/status"
