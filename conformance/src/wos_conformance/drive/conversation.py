"""Request after request on one connection of an agent, and the answers as they are to be delivered."""

import socket
import struct
import threading
from typing import Protocol

import h11
from cryptography import x509

from wos_conformance.drive.answer import Answer, Request
from wos_conformance.drive.plain import Stream
from wos_conformance.history import Exchange, Message, Recorder

_HEAD_AT_MOST = 64 << 10
_BODY_AT_MOST = 16 << 20
_IDLE = 60.0
_FAILURES = {"reset": "reset", "close": "truncated", "silence": "stalled", "open": None}


class Host(Protocol):
    """Who answers, and is told when an exchange is over."""

    recorder: Recorder

    def answer(self, request: Request) -> Answer:
        """What to answer."""
        ...

    def written(self, exchange: Exchange) -> None:
        """An exchange has been recorded."""
        ...


class Conversation:
    """One connection after its handshake; `sent` and `received` count bytes of application data."""

    def __init__(self, host: Host, secure: Stream, connection: str) -> None:
        self._host = host
        self._secure = secure
        self._connection = connection
        self._client = spiffe_id(secure.getpeercert(True))
        self._rest = b""
        self._pause = threading.Event()
        self.sent = self.received = 0

    def hold(self) -> str:
        """Serve until one side ends; the reason why it ended."""
        self._secure.settimeout(_IDLE)
        try:
            while (request := self._read()) is not None:
                if not self._respond(request):
                    return "closed by script"
        except (OSError, h11.RemoteProtocolError) as error:
            return f"{type(error).__name__}: {error}"
        return "closed by the agent"

    def _receive(self) -> bytes:
        content = self._rest or self._secure.recv(65536)
        if not self._rest:
            self.received += len(content)
        self._rest = b""
        return content

    def _read(self) -> Request | None:
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_AT_MOST)
        head, body, started = bytearray(), bytearray(), 0.0
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                content = self._receive()
                if not content and head:
                    raise ConnectionResetError("a request was cut off")
                if not content:
                    return None
                started = started or self._host.recorder.now()
                head += content[: max(0, _HEAD_AT_MOST - len(head))]
                parser.receive_data(content)
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _BODY_AT_MOST:
                    raise h11.RemoteProtocolError("the body is larger than anybody needs")
            elif isinstance(event, h11.EndOfMessage):
                self._rest = parser.trailing_data[0]
                text = bytes(head).partition(b"\r\n\r\n")[0].decode("latin-1") + "\r\n\r\n"
                return Request(self._client, text, bytes(body), started)
            elif isinstance(event, h11.ConnectionClosed):
                return None

    def _respond(self, request: Request) -> bool:
        """Send all but the last bytes, write the exchange down, send the rest: no agent is ahead of the history."""
        answer = self._host.answer(request)
        head, ending = answer.head().encode("latin-1"), answer.delivery.ending
        out = bytearray()
        failure, last = self._send_but_last(answer, head, out)
        failure = failure or _FAILURES[ending]
        exchange = self._record(request, answer, bytes(out) + last, len(head), failure)
        try:
            if failure in (None, _FAILURES[ending]):
                self._secure.sendall(last)
                self.sent += len(last)
        finally:
            self._host.written(exchange)
        return failure is None if ending == "open" else self._end(ending)

    def _send_but_last(self, answer: Answer, head: bytes, out: bytearray) -> tuple[str | None, bytes]:
        """Send step by step; what went wrong, and the bytes that are still to be sent."""
        last = b""
        try:
            for pause, content in answer.delivery.steps(head, answer.body):
                self._secure.sendall(last)
                self.sent += len(last)
                out += last
                last = content
                self._pause.wait(pause) if pause else None
        except OSError as error:
            return type(error).__name__, b""
        return None, last

    def _record(self, request: Request, answer: Answer, out: bytes, head: int, failure: str | None) -> Exchange:
        store = self._host.recorder.store
        body = store(out[head:]) if len(out) > head else None
        return self._host.recorder.record(
            Exchange,
            connection=self._connection,
            client=self._client,
            request=Message(request.head, store(request.body) if request.body else None),
            response=Message(out[:head].decode("latin-1"), body) if len(out) >= head else None,
            started=request.started,
            ended=self._host.recorder.now(),
            failure=failure,
            answered=answer.name,
        )

    def _end(self, ending: str) -> bool:
        if ending == "reset":
            self._secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif ending == "silence":
            self._receive()
        return False


def spiffe_id(leaf: bytes | None) -> str:
    """The only identity that counts; empty when a certificate names none."""
    try:
        certificate = x509.load_der_x509_certificate(leaf or b"")
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.UniformResourceIdentifier)[0]
    except (ValueError, x509.ExtensionNotFound, IndexError):
        return ""
