"""A visitor meets hostile peers: each costs bounded time and memory, ends in an answer, and is written down."""

import gc
import itertools
import select
import socket
import ssl
import struct
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpcore
import pytest

from told import begun
from wos_conformance.drive import client as client_module
from wos_conformance.drive.burst import Request
from wos_conformance.drive.client import Visitor
from wos_conformance.drive.stream import RecordingStream
from wos_conformance.drive.tls import client_context, server_context
from wos_conformance.drive.trust_domain import TrustDomain
from wos_conformance.history import Closed, Connection, Exchange, Recorder

TIMEOUT = 0.5
DOMAIN = TrustDomain.create("plant.example", "main")
OK = b"HTTP/1.1 200 OK\r\n"
Peer = Callable[[ssl.SSLSocket], None]


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    """A history that has begun."""
    with begun(tmp_path) as recorder:
        yield recorder


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """The URL of a peer that treats each connection like this."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(5)
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    def one(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            serve(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


@contextmanager
def wos(peer: Peer) -> Iterator[str]:
    """The URL of a WOS with a good certificate which does this after it has read a request."""
    context = server_context(DOMAIN.wos(), DOMAIN.bundle_pem)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65536)
            peer(secure)

    with listening(serve) as url:
        yield url


def visit(recorder: Recorder, url: str) -> tuple[client_module.Answer, float]:
    """The answer to one poll, and the seconds that it took."""
    visitor = Visitor(recorder, url, DOMAIN.agent(), DOMAIN.bundle_pem, TIMEOUT, may_repeat=False)
    began = time.monotonic()
    answer = visitor.poll()
    visitor.close()
    return answer, time.monotonic() - began


def hang(peer: ssl.SSLSocket) -> None:
    """Never answers."""
    peer.recv(1)


def drip(peer: ssl.SSLSocket) -> None:
    """One byte now and then, each within the patience of a naive reader."""
    for byte in itertools.cycle(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000):
        peer.sendall(bytes([byte]))
        time.sleep(TIMEOUT / 5)


def drip_body(peer: ssl.SSLSocket) -> None:
    """The head at once, the body one byte at a time."""
    peer.sendall(OK + b"Content-Length: 1000\r\n\r\n")
    while True:
        peer.sendall(b"x")
        time.sleep(TIMEOUT / 5)


def flood_head(peer: ssl.SSLSocket) -> None:
    """Headers without end."""
    peer.sendall(OK)
    while True:
        peer.sendall(b"X-Header: " + b"x" * 1000 + b"\r\n")


def flood_body(peer: ssl.SSLSocket) -> None:
    """A body without end."""
    peer.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        peer.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


def say(content: bytes) -> Peer:
    """Says this and hangs up."""
    return lambda peer: peer.sendall(content)


@pytest.mark.parametrize(
    ("peer", "failure"),
    [
        pytest.param(hang, "timeout", id="hangs"),
        pytest.param(drip, "timeout", id="drips"),
        pytest.param(drip_body, "timeout", id="drips-the-body"),
        pytest.param(flood_head, "malformed", id="sends-headers-without-end"),
        pytest.param(flood_body, "too-large", id="sends-a-body-without-end"),
        pytest.param(say(b""), "closed", id="closes"),
        pytest.param(say(b"\x00\xff\x00"), "malformed", id="sends-garbage"),
        pytest.param(say(b"SSH-2.0-x\r\n\r\n"), "malformed", id="speaks-another-protocol"),
        pytest.param(say(OK + b"Content-Length: 9\r\n\r\nshort"), "closed", id="ends-the-body-early"),
        pytest.param(say(OK + b"Content-Length: nine\r\n\r\n"), "malformed", id="states-no-number"),
        pytest.param(say(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "malformed", id="sends-no-chunk"),
    ],
)
def test_hostile_wos_ends_in_an_answer(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, peer: Peer, failure: str
) -> None:
    """In time, without much memory, and with an exchange in the history."""
    monkeypatch.setattr(client_module, "READ_AT_MOST", 1 << 20)
    with wos(peer) as url:
        answer, seconds = visit(recorder, url)
    assert answer.status is None
    assert (answer.failure or "").startswith(failure), answer.failure
    assert seconds < 3 * TIMEOUT
    exchange = recorder.history().of(Exchange)[-1]
    assert exchange.failure == answer.failure
    assert exchange.request.head.startswith("GET /api/v1/deployments HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("serve", "outcome"),
    [
        pytest.param(lambda peer: peer.recv(65536), "handshake-failed", id="closes"),
        pytest.param(
            lambda peer: peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "handshake-failed", id="plain-http"
        ),
        pytest.param(lambda peer: peer.recv(65536) and peer.recv(65536), "handshake-failed", id="hangs"),
    ],
)
def test_failed_handshake_is_written_down(
    recorder: Recorder, serve: Callable[[socket.socket], None], outcome: str
) -> None:
    """As a connection, without an exchange."""
    with listening(serve) as url:
        answer, seconds = visit(recorder, url)
    assert answer.failure
    assert seconds < 3 * TIMEOUT
    assert [connection.outcome for connection in recorder.history().of(Connection)] == [outcome]
    assert not recorder.history().of(Exchange)


def test_exact_bytes_are_kept(recorder: Recorder) -> None:
    """Order, case and spaces of headers, and content as it was before any decoding."""
    head = b"HTTP/1.1 200 Fine\r\nx-B: 2\r\nX-a:1 \r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n"
    with wos(say(head + b"\x1f\x8b\x00")) as url:
        answer, _ = visit(recorder, url)
    exchange = recorder.history().of(Exchange)[-1]
    assert exchange.response
    assert exchange.response.head == head.decode()
    assert recorder.history().body(exchange.response.body) == answer.body == b"\x1f\x8b\x00"


def test_interim_answers_are_not_the_answer(recorder: Recorder) -> None:
    """103 comes before, 200 counts."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n"
    with wos(say(hints + OK + b"Content-Length: 0\r\n\r\n")) as url:
        answer, _ = visit(recorder, url)
    exchange = recorder.history().of(Exchange)[-1]
    assert answer.status == 200
    assert exchange.response
    assert exchange.response.head.startswith("HTTP/1.1 200 OK")


def test_wos_with_a_foreign_certificate_is_not_visited(recorder: Recorder) -> None:
    """Not one byte of a request is sent to it."""
    foreign = TrustDomain.create("plant.example", "main")
    visitor_domain_url = []

    def serve(connection: socket.socket) -> None:
        with server_context(foreign.wos(), DOMAIN.bundle_pem).wrap_socket(connection, server_side=True) as secure:
            visitor_domain_url.append(secure.recv(1))

    with listening(serve) as url:
        answer, _ = visit(recorder, url)
    assert answer.failure
    assert visitor_domain_url in ([], [b""])


def test_idle_connection_that_was_closed_is_opened_again(recorder: Recorder) -> None:
    """A closed keep-alive connection is nobody's fault."""
    with wos(say(OK + b"Content-Length: 0\r\n\r\n")) as url:
        visitor = Visitor(recorder, url, DOMAIN.agent(), DOMAIN.bundle_pem, TIMEOUT)
        assert [visitor.poll().status for _ in range(3)] == [200] * 3
        visitor.close()


def test_request_is_repeated_once_when_its_connection_breaks(recorder: Recorder) -> None:
    """The history says which exchange repeats which; a second break is the answer."""
    peers = iter([say(b""), say(OK + b"Content-Length: 0\r\n\r\n"), say(b""), say(b"")])
    with wos(lambda peer: next(peers)(peer)) as url:
        visitor = Visitor(recorder, url, DOMAIN.agent(), DOMAIN.bundle_pem, TIMEOUT)
        answers = [visitor.poll(), visitor.poll()]
        visitor.close()
    assert [answer.status for answer in answers] == [200, None]
    first, second, third, fourth = recorder.history().of(Exchange)
    assert [second.repeats, fourth.repeats] == [first.seq, third.seq]
    assert first.repeats is None


def test_request_that_may_not_be_repeated_is_sent_once(recorder: Recorder) -> None:
    """A code that is good for one enrolment may be used up already."""
    with wos(say(b"")) as url:
        visitor = Visitor(recorder, url, DOMAIN.agent(), DOMAIN.bundle_pem, TIMEOUT)
        answer = visitor.request("POST", "/x", may_repeat=False)
        visitor.close()
    assert answer.failure == "closed"
    assert len(recorder.history().of(Exchange)) == 1


def test_connection_that_takes_no_requests_at_once_is_closed(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It breaks between the handshake and the first byte."""
    monkeypatch.setattr(RecordingStream, "write", broken_pipe)
    with wos(hang) as url:
        visitor = Visitor(recorder, url, DOMAIN.agent(), DOMAIN.bundle_pem, TIMEOUT)
        answers = visitor.at_once(Request("GET", "/x"), Request("GET", "/y"))
    assert [answer.failure is not None for answer in answers] == [True, True]
    assert len(recorder.history().of(Closed)) == 1


def test_connection_that_is_reset_before_the_handshake_is_closed() -> None:
    """Whoever forgets it is told so when it is collected."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        plain = socket.create_connection(listener.getsockname(), timeout=TIMEOUT)
        peer, _ = listener.accept()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    assert select.select([plain], [], [], TIMEOUT)[0]
    context = client_context(DOMAIN.agent(), DOMAIN.bundle_pem)
    with warnings.catch_warnings(record=True) as forgotten:
        warnings.simplefilter("always")
        with pytest.raises(ConnectionResetError):
            context.wrap_socket(plain)
        gc.collect()
    assert forgotten == []


def broken_pipe(*arguments: object) -> None:
    """In place of writing."""
    raise httpcore.WriteError("broken pipe")


@contextmanager
def resumable_wos(tickets: int) -> Iterator[str]:
    """A WOS which answers each request with 200, and gives this many session tickets with each handshake."""
    context = server_context(DOMAIN.wos(), DOMAIN.bundle_pem)
    context.num_tickets = tickets
    context.session_id_context = b"tests"  # type: ignore[attr-defined]

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            while secure.recv(65536):
                secure.sendall(OK + b"Content-Length: 0\r\n\r\n")

    with listening(serve) as url:
        yield url


@pytest.mark.parametrize(
    ("tickets", "session"), [pytest.param(2, "resumed", id="tickets"), pytest.param(0, "none", id="no-ticket")]
)
def test_session_is_resumed_when_there_is_one(recorder: Recorder, tickets: int, session: str) -> None:
    """The history says which of the two it was; a new connection offers nothing."""
    with resumable_wos(tickets) as url:
        visitor = Visitor(recorder, url, DOMAIN.agent(), DOMAIN.bundle_pem, TIMEOUT)
        visitor.poll()
        visitor.resume()
        visitor.poll()
        visitor.new_connection()
        visitor.poll()
        visitor.close()
    assert [connection.session for connection in recorder.history().of(Connection)] == ["", session, ""]


def test_history_tells_who_has_closed(recorder: Recorder) -> None:
    """What we close ourselves is no fault of the WOS."""
    with wos(say(OK + b"Connection: close\r\nContent-Length: 0\r\n\r\n")) as url:
        Visitor(recorder, url, DOMAIN.agent(), DOMAIN.bundle_pem, TIMEOUT).poll()
    with resumable_wos(0) as url:
        visitor = Visitor(recorder, url, DOMAIN.agent(), DOMAIN.bundle_pem, TIMEOUT)
        visitor.poll()
        visitor.close()
    theirs, ours = (event.reason for event in recorder.history().of(Closed))
    assert theirs != ours == "closed by us"


@pytest.mark.parametrize("flaw", ["rsa-2048", "sha-1", "server-usage-only", "unknown-root"])
def test_flawed_certificate_is_really_sent(recorder: Recorder, flaw: str) -> None:
    """Also when libraries no longer like it; where nobody asks for one the history says so."""
    asking = server_context(DOMAIN.wos(), DOMAIN.bundle_pem)
    silent = server_context(DOMAIN.wos(), DOMAIN.bundle_pem)
    silent.verify_mode = ssl.CERT_NONE
    for context in (asking, silent):

        def serve(connection: socket.socket, context: ssl.SSLContext = context) -> None:
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(65536)

        with listening(serve) as url:
            svid = DOMAIN.agent(None, flaw)
            Visitor(recorder, url, svid, DOMAIN.bundle_pem, TIMEOUT, may_repeat=False).poll()
    names = [connection.credential.name for connection in recorder.history().of(Connection)]
    assert names == [flaw, "not sent"]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("offer", ["tls-1.2-only", "tls-1.2-cbc-only", "tls-1.1"])
def test_old_offer_is_written_down(recorder: Recorder, offer: str) -> None:
    """With its outcome, and the suite when there is one."""
    context = server_context(DOMAIN.wos(), DOMAIN.bundle_pem)
    context.set_ciphers("ECDHE+AESGCM")

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(1)

    with listening(serve) as url:
        Visitor(recorder, url, DOMAIN.agent(), DOMAIN.bundle_pem, TIMEOUT).attempt(offer)
    (connection,) = recorder.history().of(Connection)
    assert connection.credential.flaw == offer
    assert connection.outcome == ("established" if offer == "tls-1.2-only" else "handshake-failed")
    assert (connection.cipher or "").startswith("ECDHE") == (offer == "tls-1.2-only")


@pytest.mark.parametrize(("patience", "status", "times"), [(5.0, 200, 2), (0.0, 429, 1), (0.5, 429, 1)])
def test_wos_without_time_is_asked_again(recorder: Recorder, patience: float, status: int, times: int) -> None:
    """After the pause that it wishes for, if that is not longer than anybody waits; both answers are written down."""
    answers = itertools.chain([b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n"], itertools.repeat(OK))

    def busy(peer: ssl.SSLSocket) -> None:
        peer.sendall(next(answers) + b"Content-Length: 0\r\nConnection: close\r\n\r\n")

    with wos(busy) as url:
        visitor = Visitor(recorder, url, DOMAIN.agent(), DOMAIN.bundle_pem, 5.0)
        visitor.patience = patience
        began = time.monotonic()
        answer = visitor.poll()
        visitor.close()
    assert answer.status == status
    assert len(recorder.history().of(Exchange)) == times
    assert time.monotonic() - began >= times - 1
