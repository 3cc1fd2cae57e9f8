"""The operations of `openapi/wos.yaml`, each with a gate of its own, which also keeps shut across a restart."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from wos_reference.agent import schedule
from wos_reference.agent.configuration import Configuration
from wos_reference.agent.ledger import Ledger
from wos_reference.agent.schedule import Gate
from wos_reference.agent.transport import Answer, NoAnswerError, Transport

REFUSED_FOR_GOOD = frozenset({400, 413, 415, 422})  # the same bytes would meet the same refusal
REFUSES_CALLER = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class OutsideWindowsError(NoAnswerError):
    """The request was not sent, because the agent may not call at this time of the day."""


class Operation:
    """One operation; its gate is shut after a failure, and for as long as the WOS asks."""

    def __init__(self, name: str, transport: Transport, ledger: Ledger, configuration: Configuration) -> None:
        self._name = name
        self._transport = transport
        self._ledger = ledger
        self._windows = configuration.poll_windows
        self._is_refused = False
        self._was_refused = False
        self.gate = Gate(configuration.poll_interval, configuration.max_backoff)
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
        if self._windows.closed_for(datetime.now(UTC)):
            raise OutsideWindowsError(f"{method} {path} is not sent outside the poll windows")
        try:
            answer = self._transport.exchange(method, path, headers, body, deadline)
        except NoAnswerError:
            self.gate.failed()
            raise
        self._was_refused |= self._is_refused
        self._is_refused = answer.status in REFUSES_CALLER
        if is_failure(answer.status):
            self.gate.failed(self._told_to_wait(answer))
        else:
            self.gate.succeeded()
        return answer

    def is_served_again(self) -> bool:
        """Whether the WOS serves the caller again after it had refused it; asked once, it is no longer news."""
        is_news = self._was_refused and not self._is_refused
        self._was_refused &= not is_news
        return is_news

    def _told_to_wait(self, answer: Answer) -> float:
        now = schedule.moment_of(answer.headers.get("date")) or datetime.now(UTC)
        seconds = schedule.retry_after_seconds(answer.retry_after, now)
        if seconds:
            self._ledger.hold_operation(self._name, seconds)
        return seconds


class SettlingOperation(Operation):
    """An operation whose answer may settle one thing for good, which does not hold up the next."""

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
        if not may_succeed_later(answer):
            self.gate.succeeded()
        return answer


def is_failure(status: int) -> bool:
    """Whether an answer did not bring what was asked for."""
    return status != HTTPStatus.NOT_MODIFIED and not is_success(status)


def is_success(status: int) -> bool:
    """Whether the WOS did what was asked."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def may_succeed_later(answer: Answer) -> bool:
    """Whether the same body may be taken later (the table in `errors.md`)."""
    if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _problem(answer).get("retryable") is not False
    return answer.status in (401, 403, 429) or answer.status > HTTPStatus.INTERNAL_SERVER_ERROR


def problem_name(answer: Answer) -> str:
    """The name of the problem type of an answer; empty if it is none of the registry."""
    kind = _problem(answer).get("type")
    base, _, name = kind.partition("#") if isinstance(kind, str) else ("", "", "")
    return name if base == "https://docs.margo.org/specification/problem-types" else ""


def _problem(answer: Answer) -> dict[str, object]:
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
