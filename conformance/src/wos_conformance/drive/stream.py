"""The network stream below the HTTP engine, which remembers every byte and records connections."""

import ssl
import time
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import httpcore
import msgspec

from wos_conformance.history import Closed, Connection, Credential, Recorder

NOT_SENT = "not sent"
_HEADS_AT_MOST = 128 << 10


class RecordingBackend(httpcore.NetworkBackend):
    """Opens connections for one visitor and keeps what the current exchange has sent and received."""

    def __init__(self, recorder: Recorder, credential: Credential, place: tuple[str, int]) -> None:
        self.recorder = recorder
        self.place = place
        """Where all connections go."""
        self.credential = credential
        self.stream: RecordingStream | None = None
        self.connection = ""
        self.last_seq = 0
        self.session = ""
        """Whether the next connection is one that resumes: `offered` a session, or has `none` to offer."""
        self.context: ssl.SSLContext | None = None
        self.leaving = False
        """Whether it is our own wish that the connection is closed now."""
        self.deadline = 0.0
        self.sent = bytearray()
        self.received = bytearray()
        self._real = httpcore.SyncBackend()

    def begin(self, deadline: float) -> None:
        """A new exchange begins, to be over at this moment of the monotonic clock."""
        self.deadline = deadline
        self.sent.clear()
        self.received.clear()

    def request_head(self) -> bytes:
        """The start line and headers that were sent, with the blank line."""
        return _head(self.sent)

    def response_head(self) -> bytes:
        """The start line and headers of the final response, with the blank line; empty when there is none."""
        rest = bytes(self.received)
        while (head := _head(rest)) and head.split(b" ", 2)[1:2] and head.split(b" ", 2)[1].startswith(b"1"):
            rest = rest[len(head) :]
        return head

    def remaining(self) -> float:
        """Seconds until the deadline, at least a moment."""
        return max(0.001, self.deadline - time.monotonic())

    def record_connection(self, outcome: str, failure: str | None, tls: ssl.SSLObject | None) -> None:
        """Write down how a connection came about or did not."""
        self.connection = str(uuid4())
        der = tls.getpeercert(True) if tls else None
        event = self.recorder.record(
            Connection,
            connection=self.connection,
            by="suite",
            credential=self.shown(),
            outcome=outcome,
            tls_version=tls.version() if tls else None,
            cipher=cipher[0] if tls and (cipher := tls.cipher()) else None,
            peer=[self.recorder.store(der)] if der else [],
            failure=failure,
            session="resumed" if tls and getattr(tls, "session_reused", False) else self.session,
        )
        self.last_seq = event.seq

    def shown(self) -> Credential:
        """The credential; its name says so when no certificate left us, because the WOS asked for none."""
        bad_certificate = self.credential.flaw not in (None, "none") and self.credential.name == self.credential.flaw
        if bad_certificate and not getattr(self.context, "certificate_sent", True):
            return msgspec.structs.replace(self.credential, name=NOT_SENT)
        return self.credential

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Open a connection; a failure is recorded."""
        try:
            real = self._real.connect_tcp(*self.place, self.remaining(), local_address, socket_options)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            self.record_connection("refused", str(error), None)
            raise
        return RecordingStream(self, real)


class RecordingStream(httpcore.NetworkStream):
    """A connection of the backend; after the handshake it counts application data only."""

    def __init__(self, backend: RecordingBackend, real: httpcore.NetworkStream, connection: str = "") -> None:
        self._backend = backend
        self._real = real
        self._connection = connection
        self._sent = self._received = 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read, at most until the deadline of the exchange."""
        content = self._real.read(max_bytes, self._backend.remaining())
        self._received += len(content)
        room = _HEADS_AT_MOST - len(self._backend.received)
        self._backend.received += content[: max(0, room)]
        return content

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write, at most until the deadline of the exchange."""
        self._sent += len(buffer)
        self._backend.sent += buffer[: max(0, _HEADS_AT_MOST - len(self._backend.sent))]
        self._real.write(buffer, self._backend.remaining())

    def close(self) -> None:
        """Close and record how much went over the connection."""
        self._real.close()
        if self._connection:
            reason = "closed by us" if self._backend.leaving else "closed by the target, or after a failure"
            self._backend.recorder.record(
                Closed, connection=self._connection, sent=self._sent, received=self._received, reason=reason
            )
            self._connection = ""
        if self._backend.stream is self:
            self._backend.stream = None

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Do the handshake; how it ends is recorded."""
        self._backend.context = ssl_context
        try:
            real = self._real.start_tls(ssl_context, server_hostname, self._backend.remaining())
        except Exception as error:
            self._backend.record_connection("handshake-failed", str(error), None)
            raise
        self._backend.record_connection("established", None, real.get_extra_info("ssl_object"))
        secure = RecordingStream(self._backend, real, self._backend.connection)
        self._backend.stream = secure
        return secure

    def get_extra_info(self, info: str) -> Any:
        """What the stream below says."""
        return self._real.get_extra_info(info)


def _head(content: bytes | bytearray) -> bytes:
    before, blank, _ = bytes(content).partition(b"\r\n\r\n")
    return before + blank if blank else b""
