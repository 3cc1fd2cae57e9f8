"""The five operations of `openapi/wos.yaml`, each with a gate of its own, which also keeps shut across a restart."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from wos_reference.agent import schedule
from wos_reference.agent.ledger import Ledger
from wos_reference.agent.schedule import Gate
from wos_reference.agent.transport import Answer, NoAnswerError, Transport


class Operation:
    """One operation; its gate is shut after a failure, and at least for as long as the WOS asks."""

    def __init__(self, name: str, transport: Transport, ledger: Ledger, max_backoff: float) -> None:
        self._name = name
        self._transport = transport
        self._ledger = ledger
        self.gate = Gate(max_backoff)
        self.gate.close_for(ledger.remaining_hold(name))

    def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """Send one request and move the gate by what came of it. Raises NoAnswerError."""
        try:
            answer = self._transport.exchange(method, path, headers, body, deadline)
        except NoAnswerError:
            self.gate.failed()
            raise
        if is_failure(answer.status):
            self.gate.failed(self._told_to_wait(answer))
        else:
            self.gate.succeeded()
        return answer

    def _told_to_wait(self, answer: Answer) -> float:
        seconds = schedule.retry_after_seconds(answer.retry_after, datetime.now(UTC))
        if seconds:
            self._ledger.hold_operation(self._name, seconds)
        return seconds


class ReportOperation(Operation):
    """Reports: an answer that settles one report does not hold up the next."""

    def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """See Operation.call."""
        answer = super().call(method, path, headers, body, deadline)
        if not is_transient(answer.status):
            self.gate.succeeded()
        return answer


def is_failure(status: int) -> bool:
    """Whether an answer did not bring what was asked for."""
    return status != HTTPStatus.NOT_MODIFIED and not is_success(status)


def is_success(status: int) -> bool:
    """Whether the WOS did what was asked."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def is_transient(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
