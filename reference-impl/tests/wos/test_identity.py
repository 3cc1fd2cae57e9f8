"""Which certificates are accepted, for how long, and under which roots (identity.md, onboarding.md)."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from trust_domain import Credential, TrustDomain
from visited_wos import MANIFEST, PATIENCE, WOS_ID, Client, Wos, assert_problem

from wos_reference.wos import identity

AGENT = f"{WOS_ID}/client/looked-at"
CLIENT_AND_SERVER = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)
SHA256_WITH_RSA, SHA1_WITH_RSA = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")


def answered(wos: Wos, credential: Credential) -> int:
    """The status of an answer on a new connection; 0 for none."""
    try:
        return wos.visitor(credential).get(MANIFEST).status_code
    except httpx.TransportError:
        return 0


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("wanted", "accepted"),
    [
        ({"usages": CLIENT_AND_SERVER}, True),
        ({"usages": (ExtendedKeyUsageOID.CLIENT_AUTH,)}, True),
        ({"usages": (ExtendedKeyUsageOID.SERVER_AUTH,)}, False),
        ({"key": rsa.generate_private_key(65537, 3072)}, True),
        ({"key": rsa.generate_private_key(65537, 2048)}, False),
        ({"key": ec.generate_private_key(ec.SECP384R1())}, True),
        ({"key": ed25519.Ed25519PrivateKey.generate()}, True),
        ({"authority": True}, False),
        ({"days": -1}, False),
    ],
    ids=["both", "client", "server", "rsa-3072", "rsa-2048", "p-384", "ed25519", "authority", "expired"],
)
def test_leaf_is_looked_at(wos: Wos, wanted: dict[str, Any], accepted: bool) -> None:
    """Usage, strength, constraints, validity."""
    wos.do("admit", spiffeId=AGENT)
    status = answered(wos, wos.trust_domain.issue(AGENT, **wanted))
    assert status == 200 if accepted else status in (0, 403)


def test_sha_1_is_too_weak(trust_domain: TrustDomain) -> None:
    """Although a library may still read it."""
    root = rsa.generate_private_key(65537, 3072)
    domain = TrustDomain()
    domain.root = Credential(domain.root.certificate, root)
    good = domain.issue(AGENT).certificate.public_bytes(Encoding.DER)
    assert identity.caller(good, WOS_ID) == AGENT
    with pytest.raises(identity.IdentityError, match="weak"):
        identity.caller(good.replace(SHA256_WITH_RSA, SHA1_WITH_RSA), WOS_ID)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07"), (b"\x06\x03\x55\x1d\x13", b"\x06\x03\x55\x1d\x11")],
    ids=["version", "two-extensions-of-a-kind"],
)
def test_leaf_that_cannot_be_read_is_nobody(trust_domain: TrustDomain, old: bytes, new: bytes) -> None:
    """Whatever a library makes of it."""
    good = trust_domain.issue(AGENT).certificate.public_bytes(Encoding.DER)
    assert old in good
    with pytest.raises(identity.IdentityError, match="cannot be read"):
        identity.caller(good.replace(old, new), WOS_ID)


def test_expired_svid_is_refused_on_an_open_connection(wos: Wos) -> None:
    """The next request, whatever the handshake has shown."""
    wos.do("admit", spiffeId=AGENT)
    visitor = wos.visitor(wos.trust_domain.issue(AGENT, days=2 / 86400))
    assert visitor.get(MANIFEST).status_code == 200
    eventually(lambda: visitor.get(MANIFEST).status_code == 403)


def context_of(wos: Wos, credential: Credential) -> ssl.SSLContext:
    """What a client shows and trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=wos.trust_domain.root.certificate_pem.decode())
    path = wos.folder / f"{credential.certificate.serial_number}.pem"
    path.write_bytes(credential.key_pem + credential.certificate_pem)
    context.load_cert_chain(path)
    return context


def visit(wos: Wos, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> tuple[bytes, ssl.SSLSocket]:
    """The first bytes that a request is answered with, and the connection that it came on."""
    host, port = wos.url.removeprefix("https://").split(":")
    with (
        socket.create_connection((host, int(port)), PATIENCE) as plain,
        context.wrap_socket(plain, session=session) as tls,
    ):
        tls.sendall(f"GET {MANIFEST} HTTP/1.1\r\nHost: wos\r\nConnection: close\r\n\r\n".encode())
        received = b""
        while part := tls.recv(65536):
            received += part
        return received[:12], tls


@pytest.fixture
def tls_1_2(trust_domain: TrustDomain, tmp_path: Path) -> Iterator[Wos]:
    """A WOS that speaks TLS 1.2, too."""
    wos = Wos(tmp_path, trust_domain, tls_1_2=True, database=f"sqlite:///{tmp_path}/wos.sqlite3")
    wos.do("admit", spiffeId=AGENT)
    yield wos
    wos.close()


def test_tls_1_2_is_off(wos: Wos) -> None:
    """Unless somebody switches it on."""
    wos.do("admit", spiffeId=AGENT)
    context = context_of(wos, wos.trust_domain.issue(AGENT))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        visit(wos, context)


@pytest.mark.parametrize(
    ("suites", "accepted"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", True),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", True),
        ("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384", False),
        ("DHE-RSA-AES128-GCM-SHA256:AES128-GCM-SHA256:AES128-SHA", False),
    ],
    ids=["aes-128-gcm", "aes-256-gcm", "chacha20", "cbc", "no-ecdhe"],
)
def test_tls_1_2_has_few_suites(tls_1_2: Wos, suites: str, accepted: bool) -> None:
    """Those with forward secrecy and authenticated encryption."""
    context = context_of(tls_1_2, tls_1_2.trust_domain.issue(AGENT))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{suites}:@SECLEVEL=0")
    if accepted:
        assert visit(tls_1_2, context)[0] == b"HTTP/1.1 200"
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            visit(tls_1_2, context)


def test_tls_1_3_comes_first(tls_1_2: Wos) -> None:
    """Also with TLS 1.2 beside it."""
    visitor = tls_1_2.visitor(tls_1_2.trust_domain.issue(AGENT))
    with visitor.stream("GET", MANIFEST) as answer:
        assert answer.extensions["network_stream"].get_extra_info("ssl_object").version() == "TLSv1.3"


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_no_session_is_resumed(tls_1_2: Wos, newest: ssl.TLSVersion) -> None:
    """Whoever comes again is looked at again, or refused."""
    context = context_of(tls_1_2, tls_1_2.trust_domain.issue(AGENT))
    context.maximum_version = newest
    answer, first = visit(tls_1_2, context)
    assert answer == b"HTTP/1.1 200"
    again, second = visit(tls_1_2, context, first.session)
    assert again == b"" if second.session_reused else again == b"HTTP/1.1 200"


def test_connection_is_used_again(client: Client) -> None:
    """A handshake costs more than a poll."""
    ports = set()
    for _ in range(3):
        with client.http.stream("GET", MANIFEST) as answer:
            ports.add(answer.extensions["network_stream"].get_extra_info("client_addr")[1])
            answer.read()
    assert len(ports) == 1


def test_other_roots_are_in_force_at_once(own_wos: Wos, client_of: Callable[..., Client]) -> None:
    """For new connections, for open ones, and after a restart; a new file replaces them in turn."""
    client = client_of(own_wos)
    other = TrustDomain()
    twin = other.issue(client.spiffe_id)
    assert (client.http.get(MANIFEST).status_code, answered(own_wos, twin)) == (200, 0)
    own_wos.do("rotate_trust", trustBundlePem=other.root.certificate_pem.decode())
    with pytest.raises(httpx.TransportError):
        client.http.get(MANIFEST)
    assert (answered(own_wos, client.credential), answered(own_wos, twin)) == (0, 200)
    own_wos.kill()
    own_wos.start()
    assert (answered(own_wos, client.credential), answered(own_wos, twin)) == (0, 200)
    both = own_wos.trust_domain.root.certificate_pem + other.root.certificate_pem
    (own_wos.folder / "root.pem").write_bytes(both)
    eventually(lambda: answered(own_wos, client.credential) == 200)
    assert answered(own_wos, twin) == 200


def test_only_connections_under_other_roots_are_ended(own_wos: Wos, client_of: Callable[..., Client]) -> None:
    """One that was opened after the roots were replaced goes on."""
    client = client_of(own_wos)
    roots = own_wos.trust_domain.root.certificate_pem + TrustDomain().root.certificate_pem
    context = context_of(own_wos, client.credential)
    with opened(own_wos, context) as earlier:
        own_wos.do("rotate_trust", trustBundlePem=roots.decode())
        with opened(own_wos, context) as later:
            assert earlier.recv(1) == b""
            later.sendall(f"GET {MANIFEST} HTTP/1.1\r\nHost: wos\r\n\r\n".encode())
            assert later.recv(12) == b"HTTP/1.1 200"


@contextmanager
def opened(wos: Wos, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """A connection on which nothing was said yet."""
    host, port = wos.url.removeprefix("https://").split(":")
    with socket.create_connection((host, int(port)), PATIENCE) as plain, context.wrap_socket(plain) as tls:
        yield tls


@pytest.mark.parametrize("pem", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_trust_bundle_without_a_root_is_refused(client: Client, pem: str) -> None:
    """And what was in force stays."""
    assert client.wos.operator.post("/control/v1/rotate_trust", json={"trustBundlePem": pem}).status_code == 400
    assert answered(client.wos, client.credential) == 200


def test_root_with_an_unusual_key_is_refused(client: Client, trust_domain: TrustDomain) -> None:
    """No trust bundle could tell it."""
    unusual = trust_domain.issue(authority=True, key=ed448.Ed448PrivateKey.generate()).certificate_pem
    for pem in (unusual, trust_domain.root.certificate_pem + unusual):
        body = {"trustBundlePem": pem.decode()}
        assert client.wos.operator.post("/control/v1/rotate_trust", json=body).status_code == 400
    assert answered(client.wos, client.credential) == 200


def test_client_that_returns_begins_empty(client: Client) -> None:
    """With a greater version, whether it had deployments or not; what it had before is gone for good."""
    for deployments in (2, 0, 1):
        assigned = [client.assign() for _ in range(deployments)]
        before = client.manifest()
        client.wos.do("retire", spiffeId=client.spiffe_id)
        assert_problem(client.http.get(MANIFEST), 403, "not-authorized")
        assert client.wos.operator.post("/control/v1/assign", json=client.assignment()).status_code == 409
        client.wos.do("admit", spiffeId=client.spiffe_id)
        returned = client.manifest()
        assert (returned["bundle"], returned["deployments"]) == (None, [])
        assert returned["manifestVersion"] > before["manifestVersion"]
        for deployment in assigned:
            answer = client.wos.operator.post("/control/v1/update", json={"deploymentId": deployment})
            assert answer.status_code == 409
        assert client.announce().status_code == 201
    client.wos.do("admit", spiffeId=client.spiffe_id)
    assert client.manifest() == returned
