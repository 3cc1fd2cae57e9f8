"""The test-control contract seen from the suite: verbs, asking again, and whose fault a failure is."""

import json
import threading
import time
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

from wos_conformance.control.shape import fault
from wos_conformance.history import Control as ControlEvent
from wos_conformance.history import Recorder

_PAUSE = 0.05
_SECRETS = ("keyPem", "enrolmentCode", "factoryKeyPem")


class ControlFailed(Exception):
    """The control itself does not work: a fault of the set-up, never a verdict on the target."""


class ControlRefused(ControlFailed):
    """The control understood the request and finds it wrong (400, 404 or 409)."""


class ControlUnsupported(Exception):
    """The target does not offer this optional verb."""


class Reply(NamedTuple):
    """An answer of the control: status as in HTTP, and the JSON text."""

    status: int
    text: bytes


class Unreachable(Exception):
    """Nobody answers at the moment; a restarting target does that for a while."""


class Transport(Protocol):
    """One way to bring a verb to the target."""

    def send(self, verb: str, body: bytes) -> Reply:
        """Bring the verb and return the reply.

        Raises:
            Unreachable: nobody answers.
        """
        ...


class Control:
    """Asks for verbs, waits until they are done, and writes them down without secrets."""

    def __init__(self, transport: Transport, recorder: Recorder, patience: float = 30.0) -> None:
        """`patience` is for how many seconds a verb that was accepted is asked for again."""
        self._patience = patience
        self._transport = transport
        self._recorder = recorder
        self._waiting = threading.Event()

    def call(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Carry out a verb.

        Raises:
            ControlUnsupported: the target does not offer it.
            ControlRefused: the target finds the request wrong.
            ControlFailed: the control is unreachable or answers nonsense.
        """
        started = self._recorder.now()
        request = {"requestId": str(uuid4()), **arguments}
        outcome, response, failure = self._asked(verb, request)
        self._recorder.record(
            ControlEvent,
            verb=verb,
            request=_without_secrets(arguments),
            response=None if response is None else _without_secrets(response),
            outcome=outcome,
            started=started,
            ended=self._recorder.now(),
            failure=failure,
        )
        if outcome == "unsupported":
            raise ControlUnsupported(f"the target does not offer `{verb}`")
        if response is None:
            kind = ControlRefused if outcome == "refused" else ControlFailed
            raise kind(f"test control, verb `{verb}`: {failure}")
        return response

    def _asked(self, verb: str, request: dict[str, Any]) -> tuple[str, dict[str, Any] | None, str | None]:
        body = json.dumps(request, ensure_ascii=False).encode("utf-8", "surrogatepass")
        deadline = time.monotonic() + self._patience
        while True:
            try:
                reply = self._transport.send(verb, body)
                failure = "was accepted and never done"
            except Unreachable as error:
                reply, failure = Reply(202, b""), f"nobody answers: {error}"
            if reply.status != 202:
                return _understood(verb, reply)
            if time.monotonic() > deadline:
                return "failed", None, f"{failure} within {self._patience:.0f} s"
            self._waiting.wait(_PAUSE)


def _without_secrets(members: dict[str, Any]) -> dict[str, Any]:
    return {
        name: "***" if name in _SECRETS else _without_secrets(value) if isinstance(value, dict) else value
        for name, value in members.items()
    }


def _understood(verb: str, reply: Reply) -> tuple[str, dict[str, Any] | None, str | None]:
    if reply.status == 501:
        return "unsupported", None, None
    try:
        value = json.loads(reply.text)
    except ValueError:
        return "failed", None, f"expected a JSON object, received {reply.text[:80]!r} with status {reply.status}"
    if not isinstance(value, dict):
        return "failed", None, f"expected a JSON object, received {reply.text[:80]!r}"
    if reply.status != 200:
        outcome = "refused" if reply.status in (400, 404, 409) else "failed"
        return outcome, None, f"status {reply.status}: {value.get('error', reply.text[:200])}"
    if wrong := fault(verb, value):
        return "failed", None, wrong
    return "done", value, None
