"""Sins of an agent around connectivity."""

import os
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

from mutants.catalogue import AGENT, Patch
from wos_reference.agent import cli, desired_state, identity, operation, schedule
from wos_reference.agent.agent import Agent
from wos_reference.agent.ledger import Ledger
from wos_reference.agent.operation import Operation
from wos_reference.agent.schedule import Windows
from wos_reference.agent.transport import Answer


@AGENT.against(
    "connectivity.polls",
    consequences=(
        "deployment.compose-environment-set",
        "deployment.helm-values-set",
        "deployment.parameters-applied",
        "desired-state.converges",
    ),
)
def falls_over_short_digests(patch: Patch) -> None:
    """Ends when a digest has fewer than 16 characters (D33)."""
    known = desired_state.known_digest

    def fragile(value: Any) -> str:
        if isinstance(value, str) and len(value) < 16:
            os._exit(1)
        return known(value)

    patch(desired_state, "known_digest", fragile)


@AGENT.against("connectivity.agent-http-version")
def speaks_http_1_0(patch: Patch) -> None:
    """Names the version of 1996."""
    expect_wos = identity.expect_wos

    def expect(context: ssl.SSLContext, *rest: Any) -> None:
        expect_wos(context, *rest)

        class OldSocket(context.sslsocket_class):  # type: ignore[name-defined, misc]
            def sendall(self, data: bytes, flags: int = 0) -> None:
                super().sendall(bytes(data).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1), flags)

            def send(self, data: bytes, flags: int = 0) -> int:
                sent: int = super().send(bytes(data).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1), flags)
                return sent

        context.sslsocket_class = OldSocket

    patch(identity, "expect_wos", expect)


@AGENT.against("connectivity.polls")
def takes_its_time(patch: Patch) -> None:
    """Polls at a hundredth of the pace that was declared."""
    load = cli.load

    def slow(file: Path) -> Any:
        configuration = load(file)
        return replace(configuration, poll_interval=100 * configuration.poll_interval)

    patch(cli, "load", slow)


@AGENT.against("connectivity.keeps-polling")
def gives_up_after_an_error(patch: Patch) -> None:
    """Asks no more once it was refused."""
    patch(Agent, "_note_odd_answer", lambda self, answer: self._manifest.gate.close_for(1e6))


@AGENT.against("connectivity.keeps-polling")
def believes_the_body(patch: Patch) -> None:
    """Waits as long as a problem document says, whatever the header does."""
    told_to_wait = Operation._told_to_wait

    def read(self: Operation, answer: Answer) -> float:
        seconds = operation._problem(answer).get("retryAfterSeconds")
        return float(seconds) if isinstance(seconds, int) else told_to_wait(self, answer)

    patch(Operation, "_told_to_wait", read)


@AGENT.against("connectivity.keeps-polling")
def takes_not_retryable_for_never(patch: Patch) -> None:
    """Asks no more when a WOS that is in trouble says that the same request will not succeed."""
    note = Agent._note_odd_answer

    def obey(self: Agent, answer: Answer) -> None:
        note(self, answer)
        if answer.status >= 500 and operation._problem(answer).get("retryable") is False:
            self._manifest.gate.close_for(1e6)

    patch(Agent, "_note_odd_answer", obey)


@AGENT.against("connectivity.retry-after-respected")
def does_not_listen(patch: Patch) -> None:
    """Comes back when it likes."""
    patch(schedule, "retry_after_seconds", lambda value, now: 0.0)


@AGENT.against("connectivity.retry-after-respected")
def knows_no_dates(patch: Patch) -> None:
    """Reads `Retry-After` in seconds only."""
    patch(schedule, "retry_after_seconds", lambda value, now: float(value) if value and value.isdigit() else 0.0)


@AGENT.against("connectivity.not-faster")
def cannot_wait(patch: Patch) -> None:
    """Polls four times as often as it has declared."""
    load = cli.load

    def fast(file: Path) -> Any:
        configuration = load(file)
        return replace(configuration, poll_interval=configuration.poll_interval / 4)

    patch(cli, "load", fast)


@AGENT.against("connectivity.back-off-grows")
def knocks_at_the_same_pace(patch: Patch) -> None:
    """Waits no longer after the tenth failure than after the first."""
    patch(schedule, "pause_after", lambda failures, first, maximum: first / 2)


@AGENT.against("connectivity.poll-window")
def calls_at_night(patch: Patch) -> None:
    """Does not look at its poll windows."""
    patch(Windows, "closed_for", lambda self, now: 0.0)


def stop_everything(ledger: Ledger) -> None:
    """Want nothing any more; used by the sins of other areas, too."""
    for deployment in ledger.deployments():
        ledger.no_longer_want(deployment.id)


@AGENT.against("connectivity.silence-keeps-running", consequences=("status.tells-the-truth",))
def stops_when_nobody_answers(patch: Patch) -> None:
    """Stops everything after two requests in vain."""
    poll = Agent.poll

    def lose_heart(self: Agent) -> None:
        poll(self)
        if self._manifest.gate.failures > 1:
            stop_everything(self._ledger)

    patch(Agent, "poll", lose_heart)
