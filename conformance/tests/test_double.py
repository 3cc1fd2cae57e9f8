"""The double that faces an agent: right by default, wrong on command, unmoved by hostile callers."""

import json
import socket
import ssl
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from told import begun
from wos_conformance.drive import archive, misbehaviour, publication, sample
from wos_conformance.drive import defect as defects
from wos_conformance.drive.client import Visitor
from wos_conformance.drive.decoy import Decoy
from wos_conformance.drive.double import Double, Script
from wos_conformance.drive.tls import client_context, server_context
from wos_conformance.drive.trust_domain import TrustDomain
from wos_conformance.history import Closed, Connection, Exchange
from wos_conformance.specification import Specification

DOMAIN = TrustDomain.create("plant.example", "main")
AGENT = DOMAIN.agent()
NAME = AGENT.spiffe_id or ""
RANDOM = Random(1)


@pytest.fixture
def double(tmp_path: Path) -> Iterator[Double]:
    """A double on loopback."""
    with begun(tmp_path / "history", role="agent") as recorder:
        double = Double(recorder, DOMAIN)
        yield double
        double.close()


@pytest.fixture
def visitor(double: Double, tmp_path: Path) -> Iterator[Visitor]:
    """An agent that asks by hand."""
    with begun(tmp_path / "visits") as recorder:
        visitor = Visitor(recorder, double.url, AGENT, DOMAIN.bundle_pem, 5.0, may_repeat=False)
        yield visitor
        visitor.close()


@pytest.fixture
def impatient(double: Double, tmp_path: Path) -> Iterator[Visitor]:
    """An agent that waits for half a second."""
    with begun(tmp_path / "impatient") as recorder:
        visitor = Visitor(recorder, double.url, AGENT, DOMAIN.bundle_pem, 0.5, may_repeat=False)
        yield visitor
        visitor.close()


def offer(defect: str | None = None) -> publication.Offer:
    """Two deployments under version 3."""
    documents = {
        name: publication.document(name, "device", sample.application(RANDOM), {})
        for name in (sample.uuid(RANDOM), sample.uuid(RANDOM))
    }
    return defects.offer(3, documents, defect)


def test_everything_that_a_manifest_names_is_served(double: Double, visitor: Visitor) -> None:
    """With digests that are right, and 304 to who has it already."""
    offered = offer()
    double.publish(NAME, offered, None, "")
    manifest = visitor.poll()
    value = json.loads(manifest.body)
    assert Specification.load().errors("desired-state-manifest", value) == []
    assert visitor.poll(manifest.header("etag")).status == 304
    for entry in value["deployments"]:
        body = visitor.document(entry["deploymentId"], entry["digest"]).body
        assert publication.digest_of(body) == entry["digest"]
    assert publication.digest_of(visitor.bundle(value["bundle"]["digest"]).body) == value["bundle"]["digest"]


def test_what_was_published_before_is_still_served(double: Double, visitor: Visitor) -> None:
    """A retrieval that began under the old manifest can be finished."""
    old = offer()
    double.publish(NAME, old, None, "")
    double.publish(NAME, offer(), None, "")
    assert all(visitor.document(name, digest).status == 200 for name, (digest, _) in old.documents.items())


def test_unknown_things_are_not_found(double: Double, visitor: Visitor) -> None:
    """As problem documents of the right type."""
    for found, kind in (
        (visitor.document(sample.uuid(RANDOM), sample.digest(RANDOM)), "deployment-not-found"),
        (visitor.bundle(sample.digest(RANDOM)), "invalid-bundle"),
    ):
        assert found.status == 404
        assert json.loads(found.body)["type"].endswith(f"#{kind}")
        assert Specification.load().errors("problem-detail", json.loads(found.body)) == []


def test_first_announcement_is_201_and_the_next_200(double: Double, visitor: Visitor) -> None:
    """The same for reports."""
    for method, path in (("PUT", "/api/v1/capabilities/d"), ("POST", "/api/v1/deployments/x/status")):
        assert [visitor.request(method, path, body=b"{}").status for _ in range(2)] == [201, 200]


@pytest.mark.parametrize("defect", ["document-digest-wrong", "bundle-digest-wrong", "artifacts-missing", "unreachable"])
def test_defect_is_in_what_is_served_and_not_in_the_manifest(double: Double, visitor: Visitor, defect: str) -> None:
    """No document or bundle of it can be verified."""
    double.publish(NAME, offer(defect), defect, "")
    value = json.loads(visitor.poll().body)
    assert Specification.load().errors("desired-state-manifest", value) == []
    bundle = visitor.bundle(value["bundle"]["digest"])
    assert bundle.status != 200 or publication.digest_of(bundle.body) != value["bundle"]["digest"] or defect[0] == "d"
    for entry in value["deployments"]:
        document = visitor.document(entry["deploymentId"], entry["digest"])
        assert document.status != 200 or publication.digest_of(document.body) != entry["digest"]


def test_unknown_algorithm_is_in_the_manifest(double: Double, visitor: Visitor) -> None:
    """Everything in it is right by that algorithm."""
    double.publish(NAME, offer("algorithm-unknown"), "algorithm-unknown", "")
    for entry in json.loads(visitor.poll().body)["deployments"]:
        body = visitor.document(entry["deploymentId"], entry["digest"]).body
        assert publication.digest_of(body, "sha512") == entry["digest"]


def test_scripts_are_used_up(double: Double, visitor: Visitor) -> None:
    """Twice wrong, then right again; both are marked in the history."""
    double.publish(NAME, offer(), None, "")
    script = Script("status-503", "manifest", misbehaviour.misbehaving("status-503"), left=2)
    with double.scripted(script):
        answers = [visitor.poll() for _ in range(3)]
    assert [found.status for found in answers] == [503, 503, 200]
    assert answers[0].header("retry-after") == "1"
    exchanges = double.recorder.history().of(Exchange)
    assert [exchange.answered for exchange in exchanges] == ["status-503", "status-503", None]


def test_reset_comes_after_the_request(double: Double, visitor: Visitor) -> None:
    """The agent does not learn what became of it; the history does."""
    with double.scripted(Script("reset", "manifest", misbehaviour.misbehaving("reset"), left=1)):
        assert visitor.poll().failure
    (exchange,) = double.recorder.history().of(Exchange)
    assert (exchange.failure, exchange.response) == ("reset", None)


@pytest.mark.parametrize("flaw", ["unknown-root", "expired-leaf"])
def test_caller_with_a_flawed_certificate_is_not_heard(double: Double, tmp_path: Path, flaw: str) -> None:
    """The handshake fails, and that is written down."""
    with begun(tmp_path / "visits") as recorder:
        svid = DOMAIN.agent(None, flaw)
        visitor = Visitor(recorder, double.url, svid, DOMAIN.bundle_pem, 5.0, may_repeat=False)
        assert visitor.poll().failure
        visitor.close()
    assert double.wait(lambda: double.connections >= 1, 5)
    assert [connection.outcome for connection in double.recorder.history().of(Connection)] == ["handshake-failed"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\x00" * 100 + b"\r\n\r\n", id="garbage"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000, id="headers-without-end"),
        pytest.param(b"PUT /api/v1/capabilities/d HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", id="no-number"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no-host"),
    ],
)
def test_hostile_caller_is_hung_up_on(double: Double, visitor: Visitor, content: bytes) -> None:
    """With a reason in the history; others are still served."""
    with (
        socket.create_connection(("127.0.0.1", int(double.url.rpartition(":")[2])), timeout=5) as plain,
        client_context(AGENT, DOMAIN.bundle_pem).wrap_socket(plain) as secure,
    ):
        try:
            secure.sendall(content)
            while secure.recv(65536):
                pass
        except (ConnectionError, ssl.SSLError):
            pass
    assert double.wait(lambda: double.connections >= 1, 5)
    (closed,) = double.recorder.history().of(Closed)
    assert "RemoteProtocolError" in closed.reason
    assert visitor.poll().status is not None


def test_history_of_the_double_tells_exact_bytes(double: Double, visitor: Visitor) -> None:
    """What the agent sent, in its own case and order."""
    visitor.request("POST", "/api/v1/deployments/x/status", [("x-Odd", "1"), ("A", "2")], b'{ "a":1}')
    (exchange,) = double.recorder.history().of(Exchange)
    assert exchange.client == NAME
    assert "\r\nx-Odd: 1\r\nA: 2\r\n" in exchange.request.head
    assert double.recorder.history().body(exchange.request.body) == b'{ "a":1}'


@pytest.mark.parametrize("name", misbehaviour.MISBEHAVIOURS)
def test_every_misbehaviour_ends_and_leaves_the_next_request_alone(
    double: Double, visitor: Visitor, impatient: Visitor, name: str
) -> None:
    """The history names it, and the right answer comes after it."""
    double.publish(NAME, offer(), None, "")
    act = misbehaviour.misbehaving(name, seed=1, patience=0.1)
    with double.scripted(Script(name, "manifest", act, left=1)):
        impatient.poll()
        assert visitor.poll().status == 200
    assert [e.answered for e in double.recorder.history().of(Exchange)] == [name, None]


@pytest.mark.parametrize(
    ("name", "failure"), [("truncated", "truncated"), ("reset-midway", "reset"), ("stall", "stalled")]
)
def test_what_was_not_sent_whole_is_told_as_it_was(double: Double, impatient: Visitor, name: str, failure: str) -> None:
    """The history holds what went out, and why it was not all."""
    double.publish(NAME, offer(), None, "")
    with double.scripted(Script(name, "manifest", misbehaviour.misbehaving(name, seed=3), left=1)):
        impatient.poll()
    (exchange,) = double.recorder.history().of(Exchange)
    assert exchange.failure == failure
    assert exchange.response is None or exchange.response.body is None or exchange.response.body.length < 900


def test_same_seed_makes_the_same_bytes(double: Double, visitor: Visitor) -> None:
    """Another one others."""
    double.publish(NAME, offer(), None, "")
    bodies = []
    for seed in (1, 1, 2):
        with double.scripted(Script("altered", "manifest", misbehaviour.misbehaving("altered", seed), left=1)):
            bodies.append(visitor.poll().body)
    assert bodies[0] == bodies[1] != bodies[2]


@pytest.mark.parametrize("form", misbehaviour.RETRY_AFTER)
def test_refusal_tells_in_each_form_when_to_come_again(double: Double, visitor: Visitor, form: str) -> None:
    """As header, as member, or not at all."""
    with double.scripted(Script("status-503", "manifest", misbehaviour.refusing(503, 7, form), left=1)):
        found = visitor.poll()
    assert found.status == 503
    assert (found.header("retry-after") is None) == (form in ("absent", "member-only"))
    assert ("retryAfterSeconds" in json.loads(found.body)) == (form in ("member-only", "contradicted"))


@pytest.mark.parametrize("kind", archive.HOSTILE)
def test_hostile_bundle_differs_from_a_right_one(kind: str) -> None:
    """In little: it stays small, also when what it unpacks to does not."""
    documents = {sample.uuid(RANDOM): b"a: 1\n", sample.uuid(RANDOM): b"b: 2\n"}
    content = archive.hostile(kind, documents)
    assert content != archive.archive(documents)
    assert len(content) < 2 << 20


def test_swollen_bundle_unpacks_to_more_than_a_gibibyte() -> None:
    """And is a right gzip file."""
    inflater, length = zlib.decompressobj(31), 0
    rest = archive.hostile("swollen", {sample.uuid(RANDOM): b"a: 1\n"})
    while rest:
        length += len(inflater.decompress(rest, 16 << 20))
        rest = inflater.unconsumed_tail
    assert inflater.eof
    assert length > 1 << 30


@pytest.mark.parametrize("defect", defects.DEFECTS)
def test_every_defect_makes_an_offer(defect: str) -> None:
    """Which is not the good one, unless all is in its version or in how it is answered."""
    documents = {name: publication.document(name, "d", sample.application(RANDOM), {}) for name in ("a" * 36, "b" * 36)}
    good, bad = defects.offer(3, documents), defects.offer(3, documents, defect)
    elsewhere = defect.startswith(("version-lower", "version-equal", "foreign-url", "artifact-"))
    assert (bad == good) == (elsewhere and defect != "artifacts-missing")


def test_answers_are_given_only_so_often(double: Double, visitor: Visitor, impatient: Visitor) -> None:
    """Then there is silence."""
    double.publish(NAME, offer(), None, "")
    script = Script("stall", "any", misbehaviour.misbehaving("stall"), after=2)
    with double.scripted(script):
        assert [visitor.poll().status for _ in range(2)] == [200, 200]
        assert impatient.poll().status is None


def test_double_comes_back_at_the_same_place(double: Double, visitor: Visitor) -> None:
    """After it was away."""
    double.publish(NAME, offer(), None, "")
    url = double.url
    with double.away():
        assert visitor.poll().status is None
    assert double.url == url
    assert visitor.poll().status == 200


def test_peer_is_known_also_when_it_is_hung_up_on(double: Double) -> None:
    """Somebody may be about to write down whom it is."""
    ours, theirs = socket.socketpair()
    agent = client_context(DOMAIN.agent(), DOMAIN.bundle_pem)
    with ThreadPoolExecutor(1) as company:
        visiting = company.submit(agent.wrap_socket, theirs)
        connection = server_context(DOMAIN.wos(), DOMAIN.bundle_pem).wrap_socket(ours, server_side=True)
    with connection, visiting.result():
        double._open.add(connection)
        double.hang_up()
        assert connection.getpeercert(True)
        double._open.discard(connection)


def test_bodies_travel_in_gzip_only_when_that_is_allowed(double: Double, visitor: Visitor) -> None:
    """With the same tag."""
    offered = offer()
    double.publish(NAME, offered, None, "")
    double.client(NAME).coded = True
    for accepted, coding in (("gzip", "gzip"), ("br, gzip;q=0", None), ("identity", None)):
        found = visitor.request("GET", "/api/v1/deployments", [("Accept-Encoding", accepted)])
        assert found.header("content-encoding") == coding
        assert found.header("etag") == offered.etag


def test_dial_at_a_decoy_is_written_down(double: Double) -> None:
    """With the place that was dialled."""
    decoy = Decoy(double.recorder)
    socket.create_connection(("127.0.0.1", int(decoy.url.rpartition(":")[2])), timeout=5).close()
    double.wait(lambda: bool(double.recorder.history().of(Connection)), 0.5)
    url = decoy.url
    decoy.close()
    (connection,) = double.recorder.history().of(Connection)
    assert (connection.credential.name, connection.failure) == ("decoy", url)
