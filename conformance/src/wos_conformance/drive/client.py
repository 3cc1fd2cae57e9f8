"""Visits a WOS over real mutual TLS and writes down the exact bytes of both sides.

The HTTP engine is httpcore, the one below httpx, because it leaves headers and targets as they are given.
"""

import re
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

import httpcore

from wos_conformance.drive.burst import Received, Request, received_from
from wos_conformance.drive.offer import OldOffer
from wos_conformance.drive.stream import RecordingBackend
from wos_conformance.drive.tls import ClientContext, client_context, old_client_context
from wos_conformance.drive.trust_domain import Svid
from wos_conformance.history import Connection, Credential, Exchange, Message, Recorder
from wos_conformance.history.event import CUT_SHORT

READ_AT_MOST = 16 << 20
MANIFEST = "/api/v1/deployments"
MANIFEST_TYPE = "application/vnd.margo.manifest.v1+json"
BROKEN = ("closed", "reset")
"""Failures of a connection of which nobody knows whose fault they are."""
_SECONDS = re.compile(r"[0-9]{1,6}")
_LEAST_PAUSE = 0.1
NO_CREDENTIAL = Credential(name="none", flaw="none")

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What came back. Without a whole response `status` is None and `failure` says why."""

    seq: int
    status: int | None = None
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""
    failure: str | None = None

    def header(self, name: str) -> str | None:
        """The first value of a header, by its name in any case."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for key, value in self.headers if key.lower() == wanted), None)


class _TooLarge(Exception):
    """The body is longer than anybody needs."""


class Visitor:
    """One identity that visits a WOS. A Visitor belongs to one thread; several may visit at once."""

    def __init__(
        self,
        recorder: Recorder,
        url: str,
        svid: Svid | None,
        bundle_pem: bytes,
        timeout: float = 10.0,
        *,
        credential: Credential | None = None,
        context: ClientContext | None = None,
        dial: tuple[str, int] | None = None,
        may_repeat: bool = True,
    ) -> None:
        """`credential` and `context` are made from the SVID and the trust bundle when they are left out.

        `dial` is where the place of the URL is reached when that is not the place itself.
        `may_repeat` is False for whoever sends no request a second time.
        """
        parts = urlsplit(url)
        self.svid = svid
        self._recorder = recorder
        self._host, self._port = parts.hostname or "", parts.port or 443
        self._dial = dial or (self._host, self._port)
        self._authority = parts.netloc
        self._timeout = timeout
        self._may_repeat = may_repeat
        self.patience = 0.0
        """Seconds for which a WOS that has no time may let a request wait; then it is sent again."""
        self._waiting = threading.Event()
        shown = credential or (svid.credential if svid else NO_CREDENTIAL)
        self._backend = RecordingBackend(recorder, shown, self._dial)
        self._context = context or client_context(svid, bundle_pem)
        self._pool = self._new_pool()

    def request(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", *, may_repeat: bool = True
    ) -> Answer:
        """Send a request exactly as given; `Host`, `User-Agent` and `Content-Length` are added when missing.

        Whatever the WOS does ends in an Answer: nothing is raised for it.
        A WOS that has no time is asked again after the pause that it wishes for.
        When the connection breaks under the request it is sent once more, as any operation of the interface may be;
        one that may not is sent again only on a new connection after a kept one turned out to be closed.
        """
        left = self.patience
        while True:
            answer = self._sent(method, target, headers, body, may_repeat=may_repeat)
            pause = _pause(answer)
            if pause is None or pause > left:
                return answer
            self._waiting.wait(pause)
            left -= pause

    def _sent(self, method: str, target: str, headers: Headers, body: bytes, *, may_repeat: bool) -> Answer:
        reused = self._backend.stream is not None
        answer = self._once(method, target, headers, body)
        if answer.failure in BROKEN and ((may_repeat and self._may_repeat) or reused):
            return self._once(method, target, headers, body, repeats=answer.seq)
        return answer

    def at_once(self, *requests: Request) -> list[Answer]:
        """Write requests one behind the other on a new connection, before anything is answered; none is sent again."""
        self.new_connection()
        self._backend.begin(time.monotonic() + self._timeout)
        started = self._recorder.now()
        full = [request._replace(headers=[*self._completed(request)]) for request in requests]
        try:
            stream = self._written(full)
        except Exception as error:
            return [Answer(self._backend.last_seq, failure=_failure(error)) for _ in full]
        with closing(stream):
            received = received_from(stream, full)
            answers = [self._noted(request, one, started) for request, one in zip(full, received, strict=True)]
            self._backend.leaving = all(answer.failure is None for answer in answers)
        self._backend.leaving = False
        return answers

    def _written(self, requests: Sequence[Request]) -> httpcore.NetworkStream:
        """A new connection, to which these requests were written."""
        stream = self._backend.connect_tcp(*self._dial).start_tls(self._context)
        try:
            stream.write(b"".join(request.text() for request in requests))
        except Exception:
            stream.close()
            raise
        return stream

    def _noted(self, request: Request, received: Received, started: float) -> Answer:
        failure = _failure(received.error) if received.error else None
        status = received.status if received.head else None
        event = self._record(request.head(), request.body, received, started, failure)
        return Answer(event.seq, None if failure else status, received.fields, received.content, failure)

    def poll(self, etag: str | None = None, accept: str | None = MANIFEST_TYPE, *others: tuple[str, str]) -> Answer:
        """Ask for the manifest, with other headers if there are any."""
        return self.request("GET", MANIFEST, [*_present(("Accept", accept), ("If-None-Match", etag)), *others])

    def document(self, deployment_id: str, digest: str, etag: str | None = None, coding: str | None = None) -> Answer:
        """Ask for a document; `coding` is sent as `Accept-Encoding`."""
        headers = _present(("If-None-Match", etag), ("Accept-Encoding", coding))
        return self.request("GET", f"{MANIFEST}/{deployment_id}/{digest}", headers)

    def bundle(self, digest: str, etag: str | None = None, coding: str | None = None) -> Answer:
        """Ask for a bundle; `coding` is sent as `Accept-Encoding`."""
        headers = _present(("If-None-Match", etag), ("Accept-Encoding", coding))
        return self.request("GET", f"/api/v1/bundles/{digest}", headers)

    def new_connection(self) -> None:
        """Close the connection; the next request opens another one."""
        self._leave()
        self._backend.session = ""
        self._context.session_offered = None

    def resume(self) -> None:
        """Close the connection; the next request opens another one and offers the TLS session of the closed one."""
        stream = self._backend.stream
        tls = stream.get_extra_info("ssl_object") if stream else None
        session = tls.session if tls and tls.session and tls.session.has_ticket else None
        self._leave()
        self._backend.session = "offered" if session else "none"
        self._context.session_offered = session

    def _leave(self) -> None:
        self.close()
        self._backend.stream = None
        self._backend.leaving = False
        self._pool = self._new_pool()

    def close(self) -> None:
        """Close the connection for good."""
        self._backend.leaving = True
        self._pool.close()

    def attempt(self, offer_name: str) -> None:
        """Offer something else than TLS 1.3 alone; recorded, with its name for the flaw, if it was really sent."""
        offer = OldOffer(old_client_context(self.svid, offer_name))
        if not offer.hello:
            return
        outcome, failure, version, cipher = offer.made_to(*self._dial, self._timeout)
        spiffe_id = self.svid.spiffe_id if self.svid else None
        self._recorder.record(
            Connection,
            connection=str(uuid4()),
            by="suite",
            credential=Credential(name="good", spiffe_id=spiffe_id, flaw=offer_name),
            outcome=outcome,
            tls_version=version,
            cipher=cipher,
            failure=failure,
        )

    def _new_pool(self) -> httpcore.ConnectionPool:
        return httpcore.ConnectionPool(
            ssl_context=self._context,
            max_connections=1,
            network_backend=self._backend,
        )

    def _once(self, method: str, target: str, headers: Headers, body: bytes, repeats: int | None = None) -> Answer:
        backend, recorder = self._backend, self._recorder
        backend.begin(time.monotonic() + self._timeout)
        started = recorder.now()
        asked = Request(method, target, headers, body)
        request = httpcore.Request(
            method.encode("latin-1"),
            httpcore.URL(scheme=b"https", host=self._host.encode(), port=self._port, target=target.encode("latin-1")),
            headers=[(n.encode("latin-1"), v.encode("latin-1")) for n, v in self._completed(asked)],
            content=body,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)},
        )
        received = self._exchanged(request)
        failure = _failure(received.error) if received.error else None
        if failure and not backend.sent:
            return Answer(backend.last_seq, failure=failure)
        event = self._record(backend.request_head(), body, received, started, failure, repeats)
        return Answer(event.seq, None if failure else received.status, received.fields, received.content, failure)

    def _record(
        self,
        head: bytes,
        body: bytes,
        received: Received,
        started: float,
        failure: str | None,
        repeats: int | None = None,
    ) -> Exchange:
        store, response = self._recorder.store, None
        if received.status is not None and received.head:
            response = Message(received.head.decode("latin-1"), store(received.content) if received.content else None)
        return self._recorder.record(
            Exchange,
            connection=self._backend.connection,
            client=(self.svid.spiffe_id if self.svid else None) or "",
            request=Message(head.decode("latin-1"), store(body) if body else None),
            response=response,
            started=started,
            ended=self._recorder.now(),
            failure=failure,
            repeats=repeats,
        )

    def _exchanged(self, request: httpcore.Request) -> Received:
        status: int | None = None
        fields: Sequence[tuple[bytes, bytes]] = ()
        content = bytearray()
        failed = None
        try:
            response = self._pool.handle_request(request)
            status, fields = response.status, response.headers
            try:
                for part in response.iter_stream():
                    content += part
                    if len(content) > READ_AT_MOST:
                        raise _TooLarge
            finally:
                response.close()
        except Exception as error:  # whatever a hostile peer provokes is an answer of that peer
            self._backend.stream = None
            failed = error
        return Received(status, fields, self._backend.response_head(), bytes(content), failed)

    def _completed(self, request: Request) -> Iterable[tuple[str, str]]:
        given = {name.lower() for name, _ in request.headers}
        yield from ((n, v) for n, v in (("Host", self._authority), ("User-Agent", "agent/1")) if n.lower() not in given)
        yield from request.headers
        has_body = request.body or request.method in {"PUT", "POST", "PATCH"}
        if has_body and not given & {"content-length", "transfer-encoding"}:
            yield "Content-Length", str(len(request.body))


def _pause(answer: Answer) -> float | None:
    """The pause in seconds that a WOS without time wishes for; None when it says nothing of the kind."""
    wish = answer.header("retry-after") or ""
    return max(float(wish), _LEAST_PAUSE) if answer.status in (429, 503) and _SECONDS.fullmatch(wish) else None


def _present(*headers: tuple[str, str | None]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if value is not None]


def _failure(error: Exception) -> str:
    text = str(error).lower()
    if isinstance(error, httpcore.TimeoutException):
        return "timeout"
    if isinstance(error, httpcore.ConnectError):
        if any(sign in text for sign in CUT_SHORT):
            return "reset"
        return f"refused: {error}" if "ssl" not in text and "certificate" not in text else f"handshake: {error}"
    if isinstance(error, _TooLarge):
        return "too-large"
    if isinstance(error, httpcore.ReadError | httpcore.WriteError):
        return "alert" if "alert" in text else "reset"
    if "disconnected" in text or "without sending" in text or "closed" in text:
        return "closed"
    return f"malformed: {type(error).__name__}: {text[:200]}"
