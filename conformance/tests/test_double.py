"""The double that faces an agent: right by default, wrong on command, unmoved by hostile callers."""

import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from told import begun
from wos_conformance.drive import defect as defects
from wos_conformance.drive import misbehaviour, publication, sample
from wos_conformance.drive.client import Visitor
from wos_conformance.drive.double import Double, Script
from wos_conformance.drive.tls import client_context
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
        visitor = Visitor(recorder, double.url, AGENT, DOMAIN.bundle_pem, 5.0)
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
        visitor = Visitor(recorder, double.url, DOMAIN.agent(None, flaw), DOMAIN.bundle_pem, 5.0)
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
