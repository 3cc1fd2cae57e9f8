"""A scripted WOS that faces an agent over real mutual TLS: right by default, wrong on command."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import h11
from cryptography import x509

from wos_conformance.drive import answer as answers
from wos_conformance.drive.answer import Answer, Request
from wos_conformance.drive.publication import Artifacts, Offer
from wos_conformance.drive.tls import server_context
from wos_conformance.drive.trust_domain import Svid, TrustDomain
from wos_conformance.history import (
    Closed,
    Connection,
    Credential,
    Document,
    Exchange,
    Fault,
    Message,
    Publication,
    Recorder,
)

_HEAD_AT_MOST = 64 << 10
_BODY_AT_MOST = 16 << 20
_IDLE = 60.0
_HANDSHAKE = 10.0
_FAREWELL = 5.0


@dataclass
class Client:
    """What the double knows of one agent."""

    devices: set[str] = field(default_factory=set)
    offer: Offer | None = None
    artifacts: Artifacts = field(default_factory=dict)
    reported: set[str] = field(default_factory=set)
    unreachable: bool = False
    exchanges: list[Exchange] = field(default_factory=list)


@dataclass
class Script:
    """A scripted answer for the next requests of an operation; `left` of None means until it is taken back."""

    name: str
    operation: str
    act: Callable[[Answer], Answer]
    left: int | None = None


class Double:
    """Listens on loopback; one thread accepts, one serves each connection."""

    def __init__(self, recorder: Recorder, trust_domain: TrustDomain) -> None:
        self.recorder = recorder
        self.clients: dict[str, Client] = {}
        self.connections = 0
        """How many connections have ended, one way or another."""
        self.changed = threading.Condition(threading.RLock())
        self._trust_domain = trust_domain
        self._scripts: list[Script] = []
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._closing = False
        self.present(trust_domain.wos())
        self._threads: list[threading.Thread] = []
        self._spawn(self._accept)

    @property
    def url(self) -> str:
        """Where agents find it."""
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Stop listening, close all connections, and wait until the last word about them is written."""
        self._closing = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(_FAREWELL)
        self.hang_up()
        for thread in self._threads:
            thread.join(_FAREWELL)

    def present(self, svid: Svid) -> None:
        """Show this certificate from the next connection on; open ones are closed."""
        self._shown = svid.credential, server_context(svid, self._trust_domain.bundle_pem)
        self.hang_up()

    def hang_up(self) -> None:
        """Close all connections."""
        with self.changed:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def client(self, spiffe_id: str) -> Client:
        """What is known of an agent."""
        with self.changed:
            return self.clients.setdefault(spiffe_id, Client())

    def publish(self, spiffe_id: str, offer: Offer, defect: str | None, note: str) -> Publication:
        """Serve this to the agent from now on."""
        store = self.recorder.store
        with self.changed:
            client = self.client(spiffe_id)
            client.offer = offer
            client.artifacts |= offer.artifacts
            client.unreachable = defect == "unreachable"
            return self.recorder.record(
                Publication,
                client=spiffe_id,
                version=offer.version,
                etag=offer.etag,
                manifest=store(offer.manifest),
                bundle=store(offer.bundle) if offer.bundle else None,
                documents={n: Document(digest=d, body=store(body)) for n, (d, body) in offer.documents.items()},
                defect=defect,
                note=note,
            )

    @contextmanager
    def scripted(self, script: Script) -> Iterator[None]:
        """Answer as the script says for as long as the context lasts."""
        detail: dict[str, str | int | float] = {} if script.left is None else {"count": script.left}
        facts: dict[str, Any] = {"name": script.name, "subject": script.operation, "detail": detail}
        with self.changed:
            self.recorder.record(Fault, phase="begin", **facts)
            self._scripts.append(script)
        try:
            yield
        finally:
            with self.changed:
                self._scripts.remove(script)
                self.recorder.record(Fault, phase="end", **facts)

    def wait(self, predicate: Callable[[], bool], timeout: float) -> bool:
        """Wait until something is so; it is looked at whenever anything has happened here."""
        with self.changed:
            return self.changed.wait_for(predicate, timeout)

    def _accept(self) -> None:
        while not self._closing:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._spawn(self._welcome, plain)

    def _spawn(self, target: Callable[..., None], *arguments: Any) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        self._threads[-1].start()

    def _welcome(self, plain: socket.socket) -> None:
        credential, context = self._shown
        secure = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
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

    def _converse(self, secure: ssl.SSLSocket, credential: Credential) -> None:
        connection = str(uuid4())
        secure.settimeout(_HANDSHAKE)
        try:
            secure.do_handshake()
        except (OSError, ValueError) as error:
            self._record_connection(connection, credential, None, str(error))
            return
        self._record_connection(connection, credential, secure, None)
        conversation = _Conversation(self, secure, connection)
        reason = conversation.hold()
        self.recorder.record(
            Closed, connection=connection, sent=conversation.sent, received=conversation.received, reason=reason
        )

    def _record_connection(
        self, connection: str, credential: Credential, secure: ssl.SSLSocket | None, failure: str | None
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

    def answer(self, request: Request) -> Answer:
        """The right answer, or the one that a script makes of it."""
        with self.changed:
            right = answers.right(request, self.client(request.client))
            for script in self._scripts:
                if script.operation == right.operation and script.left != 0:
                    script.left = None if script.left is None else script.left - 1
                    changed = script.act(right)
                    changed.name = script.name
                    return changed
            answers.take(request, right, self.client(request.client))
            return right

    def written(self, exchange: Exchange) -> None:
        """An exchange has been recorded."""
        with self.changed:
            self.client(exchange.client).exchanges.append(exchange)
            self.changed.notify_all()


class _Conversation:
    """Request after request on one connection."""

    def __init__(self, double: Double, secure: ssl.SSLSocket, connection: str) -> None:
        self._double = double
        self._secure = secure
        self._connection = connection
        self._client = _spiffe_id(secure.getpeercert(True))
        self._rest = b""
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
                if not content:
                    return None
                started = started or self._double.recorder.now()
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
        answer = self._double.answer(request)
        store, now = self._double.recorder.store, self._double.recorder.now
        response = None
        if not answer.reset:
            response = Message(answer.head(), store(answer.body) if answer.body else None)
        exchange = self._double.recorder.record(
            Exchange,
            connection=self._connection,
            client=self._client,
            request=Message(request.head, store(request.body) if request.body else None),
            response=response,
            started=request.started,
            ended=now(),
            failure="reset" if answer.reset else None,
            answered=answer.name,
        )
        try:
            if answer.reset:
                self._secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            content = answer.head().encode("latin-1") + answer.body
            self.sent += len(content)
            self._secure.sendall(content)
            return True
        finally:
            self._double.written(exchange)


def _spiffe_id(leaf: bytes | None) -> str:
    try:
        certificate = x509.load_der_x509_certificate(leaf or b"")
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.UniformResourceIdentifier)[0]
    except (ValueError, x509.ExtensionNotFound, IndexError):
        return ""
