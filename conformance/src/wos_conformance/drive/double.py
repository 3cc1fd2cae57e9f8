"""A scripted WOS that faces an agent over real mutual TLS: right by default, wrong on command."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from wos_conformance.drive import answer as answers
from wos_conformance.drive.answer import Answer, Client, Request
from wos_conformance.drive.conversation import Conversation
from wos_conformance.drive.publication import Offer
from wos_conformance.drive.tls import server_context
from wos_conformance.drive.trust_domain import Svid, TrustDomain
from wos_conformance.history import (
    Closed,
    Connection,
    Credential,
    Document,
    Exchange,
    Fault,
    Publication,
    Recorder,
)

_HANDSHAKE = 10.0
_FAREWELL = 5.0
_KINDS = {"document": "artifact", "bundle": "artifact"}


@dataclass
class Script:
    """A scripted answer for requests of an operation, of an `artifact` (document or bundle), or of `any`.

    `after` so many right answers it is given `left` times; None means until it is taken back.
    """

    name: str
    operation: str
    act: Callable[[Answer], Answer]
    left: int | None = None
    after: int = 0

    def takes(self, operation: str | None) -> bool:
        """Whether the next answer of this operation is scripted; called once for each request."""
        if self.operation not in (operation, _KINDS.get(operation or ""), "any") or self.left == 0:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.left = None if self.left is None else self.left - 1
        return True


class Double:
    """Listens on loopback unless told otherwise; one thread accepts, one serves each connection."""

    def __init__(
        self, recorder: Recorder, trust_domain: TrustDomain, address: tuple[str, int] = ("127.0.0.1", 0)
    ) -> None:
        self.recorder = recorder
        self.clients: dict[str, Client] = {}
        self.exchanges: dict[str, list[Exchange]] = {}
        """What each agent has asked, by its SPIFFE id."""
        self.connections = 0
        """How many connections have ended, one way or another."""
        self.changed = threading.Condition(threading.RLock())
        self._trusted = trust_domain.bundle_pem
        self._scripts: list[Script] = []
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.present(trust_domain.wos())
        self._listener = socket.create_server(address, backlog=64)
        self._listening = self._spawn(self._accept)

    @property
    def url(self) -> str:
        """Where agents find it."""
        host, port = self._listener.getsockname()[:2]
        return f"https://{host}:{port}"

    def close(self) -> None:
        """Stop listening, close all connections, and wait until the last word about them is written."""
        self._stop_listening()
        for thread in self._threads:
            thread.join(_FAREWELL)

    def present(self, svid: Svid, old: str | None = None) -> None:
        """Show this certificate from the next connection on, in TLS 1.3 or as `old` says; open ones are closed."""
        credential = Credential(name=old, spiffe_id=svid.spiffe_id, flaw=old) if old else svid.credential
        self._shown = credential, server_context(svid, self._trusted, old)
        self.hang_up()

    def trust(self, *bundles: bytes) -> None:
        """Let agents show certificates below these roots, in PEM, from the next certificate on that is presented."""
        self._trusted = b"".join(bundles)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Listen no longer, and again at the same place afterwards."""
        address = self._listener.getsockname()
        with self.fault("away", "connection"):
            self._stop_listening()
            try:
                yield
            finally:
                self._listener = socket.create_server(address, backlog=64)
                self._listening = self._spawn(self._accept)

    def _stop_listening(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listening.join(_FAREWELL)
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

    def publish(
        self, spiffe_id: str, offer: Offer, defect: str | None, note: str, hopeless: dict[str, str] | None = None
    ) -> Publication:
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
                hopeless=hopeless or {},
            )

    @contextmanager
    def scripted(self, script: Script) -> Iterator[None]:
        """Answer as the script says for as long as the context lasts."""
        detail = {} if script.left is None else {"count": script.left}
        with self.fault(script.name, script.operation, detail):
            with self.changed:
                self._scripts.append(script)
            try:
                yield
            finally:
                with self.changed:
                    self._scripts.remove(script)

    @contextmanager
    def fault(self, name: str, subject: str, detail: dict[str, int] | None = None) -> Iterator[None]:
        """Write down that something is wrong on purpose for as long as the context lasts."""
        facts: dict[str, Any] = {"name": name, "subject": subject, "detail": detail or {}}
        self.recorder.record(Fault, phase="begin", **facts)
        try:
            yield
        finally:
            self.recorder.record(Fault, phase="end", **facts)

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
        conversation = Conversation(self, secure, connection)
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
                if script.takes(right.operation):
                    return replace(script.act(right), name=script.name)
            answers.take(request, right, self.client(request.client))
            return right

    def written(self, exchange: Exchange) -> None:
        """An exchange has been recorded."""
        with self.changed:
            self.exchanges.setdefault(exchange.client, []).append(exchange)
            self.changed.notify_all()
