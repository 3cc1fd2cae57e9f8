"""Listens for agents over TLS: one thread accepts, one serves each connection, and everything is written down."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

from wos_conformance.drive.answer import Answer, Request
from wos_conformance.drive.conversation import Conversation
from wos_conformance.drive.plain import Stream
from wos_conformance.history import Closed, Connection, Credential, Exchange, Recorder

_HANDSHAKE = 10.0
_FAREWELL = 5.0
LOOPBACK = ("127.0.0.1", 0)


class Listener:
    """Listens on loopback unless told otherwise; what it answers is decided by whoever inherits from it."""

    def __init__(
        self, recorder: Recorder, shown: tuple[Credential, ssl.SSLContext], address: tuple[str, int] = LOOPBACK
    ) -> None:
        self.recorder = recorder
        self.exchanges: dict[str, list[Exchange]] = {}
        """What each agent has asked, by its SPIFFE id."""
        self.connections = 0
        """How many connections have ended, one way or another."""
        self.changed = threading.Condition(threading.RLock())
        self._shown = shown
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(address, backlog=64)
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        """Host and port."""
        self._listening = self._spawn(self._accept)

    @property
    def url(self) -> str:
        """Where agents find it."""
        host, port = self.address
        return f"https://{host}:{port}"

    def answer(self, request: Request) -> Answer:
        """What to answer."""
        raise NotImplementedError

    def stream(self, plain: socket.socket, context: ssl.SSLContext) -> Stream:
        """What is spoken on a connection; the handshake comes later."""
        return context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)

    def close(self) -> None:
        """Stop listening, close all connections, and wait until the last word about them is written."""
        self._stop_listening()
        for thread in self._threads:
            thread.join(_FAREWELL)

    @contextmanager
    def not_listening(self) -> Iterator[None]:
        """Listen no longer, and again at the same place afterwards."""
        self._stop_listening()
        try:
            yield
        finally:
            self._listener = socket.create_server(self.address, backlog=64)
            self._listening = self._spawn(self._accept)

    def _stop_listening(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listening.join(_FAREWELL)
        self.hang_up()

    def show(self, credential: Credential, context: ssl.SSLContext) -> None:
        """Show another certificate from the next connection on; open ones are closed."""
        self._shown = credential, context
        self.hang_up()

    def hang_up(self) -> None:
        """Close all connections, below TLS: what is known of a peer can still be read."""
        with self.changed:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    @property
    def is_deserted(self) -> bool:
        """Whether no connection is open."""
        return not self._open

    def wait(self, predicate: Callable[[], bool], timeout: float) -> bool:
        """Wait until something is so; it is looked at whenever anything has happened here."""
        with self.changed:
            return self.changed.wait_for(predicate, timeout)

    def _accept(self) -> None:
        listener = self._listener
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._spawn(self._welcome, plain)

    def _spawn(self, target: Callable[..., None], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads = [*(known for known in self._threads if known.is_alive()), thread]
        thread.start()
        return thread

    def _welcome(self, plain: socket.socket) -> None:
        credential, context = self._shown
        try:
            secure = self.stream(plain, context)
        except OSError as error:  # the peer has left before anybody spoke
            plain.close()
            self._record_connection(str(uuid4()), credential, None, str(error))
            with self.changed:
                self.connections += 1
                self.changed.notify_all()
            return
        with self.changed:
            self._open.add(secure)
        try:
            self._converse(secure, credential)
        finally:
            with self.changed:
                secure.close()
                self._open.discard(secure)
                self.connections += 1
                self.changed.notify_all()

    def _converse(self, secure: Stream, credential: Credential) -> None:
        connection = str(uuid4())
        secure.settimeout(_HANDSHAKE)
        try:
            secure.do_handshake()
        except (OSError, ValueError) as error:
            self._record_connection(connection, credential, None, str(error))
            return
        self._record_connection(connection, credential, secure, None)
        conversation = Conversation(self, secure, connection)
        reason = conversation.hold()
        self.recorder.record(
            Closed, connection=connection, sent=conversation.sent, received=conversation.received, reason=reason
        )

    def _record_connection(
        self, connection: str, credential: Credential, secure: Stream | None, failure: str | None
    ) -> None:
        leaf = secure.getpeercert(True) if secure else None
        cipher = secure.cipher() if secure else None
        self.recorder.record(
            Connection,
            connection=connection,
            by="target",
            credential=credential,
            outcome="established" if secure else "timeout" if "timed out" in (failure or "") else "handshake-failed",
            tls_version=secure.version() if secure else None,
            cipher=cipher[0] if cipher else None,
            peer=[self.recorder.store(leaf)] if leaf else [],
            failure=failure,
        )

    def written(self, exchange: Exchange) -> None:
        """An exchange has been recorded."""
        with self.changed:
            self.exchanges.setdefault(exchange.client, []).append(exchange)
            self.changed.notify_all()
