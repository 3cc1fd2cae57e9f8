"""Leaving it running: new certificates, connections that end, a proxy in front, an orderly end."""

import base64
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from trust_domain import Credential, TrustDomain
from visited_wos import MANIFEST, PATIENCE, WOS_ID, Client, Wos

NEAR, FAR = "127.0.0.1", "127.0.0.2"


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def served(wos: Wos, credential: Credential) -> bool:
    """Whether a new connection is answered."""
    try:
        return wos.visitor(credential).get(MANIFEST).status_code == 200
    except httpx.TransportError:
        return False


def replace(path: Path, content: bytes) -> None:
    """As an operator does: no reader sees half a file."""
    draft = path.with_suffix(".draft")
    draft.write_bytes(content)
    draft.rename(path)


def test_new_trust_bundle_replaces_the_old_one(own_wos: Wos, client_of: Callable[..., Client]) -> None:
    """Without a restart; a connection that was open before does not outlive its roots."""
    client = client_of(own_wos)
    other = TrustDomain()
    credential = other.issue(client.spiffe_id)
    assert not served(own_wos, credential)
    replace(own_wos.folder / "root.pem", other.root.certificate_pem)
    eventually(lambda: served(own_wos, credential))
    assert not served(own_wos, client.credential)
    with pytest.raises(httpx.TransportError):
        client.http.get(MANIFEST)


def test_new_svid_is_shown(own_wos: Wos, client_of: Callable[..., Client]) -> None:
    """It is the same WOS."""
    client = client_of(own_wos)
    new = own_wos.trust_domain.issue(WOS_ID)
    replace(own_wos.folder / "wos-key.pem", new.key_pem)
    replace(own_wos.folder / "wos.pem", new.certificate_pem)
    eventually(lambda: shown_by(own_wos, client) == new.certificate.public_bytes(Encoding.DER))


def shown_by(wos: Wos, client: Client) -> bytes:
    """The certificate of the WOS in a new connection."""
    with wos.visitor(client.credential).stream("GET", MANIFEST) as answer:
        return bytes(answer.extensions["network_stream"].get_extra_info("ssl_object").getpeercert(True))


@pytest.mark.parametrize("content", [b"", b"no certificate", None], ids=["empty", "nonsense", "another-wos"])
def test_file_that_makes_no_sense_changes_nothing(
    own_wos: Wos, client_of: Callable[..., Client], content: bytes | None
) -> None:
    """The log says so, and the WOS goes on with what it had."""
    client = client_of(own_wos)
    other = own_wos.trust_domain.issue("spiffe://plant.example/margo/wfm/other")
    replace(own_wos.folder / "wos.pem", other.certificate_pem if content is None else content)
    eventually(lambda: "is not used" in (own_wos.folder / "log").read_text())
    assert served(own_wos, client.credential)


def test_connection_ends_after_its_lifetime(
    trust_domain: TrustDomain, tmp_path: Path, client_of: Callable[..., Client]
) -> None:
    """The next request comes on a new one."""
    wos = Wos(tmp_path, trust_domain, connection_lifetime=0.5, database=f"sqlite:///{tmp_path}/wos.sqlite3")
    client = client_of(wos)
    ports = set()

    def port_changes() -> bool:
        with client.http.stream("GET", MANIFEST) as answer:
            ports.add(answer.extensions["network_stream"].get_extra_info("client_addr")[1])
            answer.read()
        return len(ports) > 1

    eventually(port_changes)
    wos.close()


def test_connection_too_many_ends_at_once(
    trust_domain: TrustDomain, tmp_path: Path, client_of: Callable[..., Client]
) -> None:
    """And is welcome when another one has ended."""
    wos = Wos(tmp_path, trust_domain, connections_at_most=1, database=f"sqlite:///{tmp_path}/wos.sqlite3")
    client = client_of(wos)
    assert not served(wos, client.credential)
    client.http.close()
    eventually(lambda: served(wos, client.credential))
    wos.close()


def test_request_that_has_begun_is_answered_before_the_end(own_wos: Wos, client_of: Callable[..., Client]) -> None:
    """SIGTERM closes the door and lets those inside finish."""
    client = client_of(own_wos)
    begun = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield b'{"properties": {"id": "slow", "vendor": "", '
        begun.set()
        eventually(lambda: not served(own_wos, client.credential))
        yield b'"modelNumber": "", "serialNumber": ""}}'

    def terminate() -> None:
        begun.wait(PATIENCE)
        own_wos.send_signal(signal.SIGTERM)

    terminator = threading.Thread(target=terminate)
    terminator.start()
    assert client.http.put("/api/v1/capabilities/slow", content=slowly()).status_code == 201
    terminator.join()
    own_wos.wait()
    own_wos.start()
    assert {d["deviceId"] for d in own_wos.do("view", spiffeId=client.spiffe_id)["devices"]} == {
        "slow",
        client.device_id,
    }


@pytest.mark.parametrize(("level", "told"), [("info", {200}), ("debug", {200, 304})])
def test_poll_that_changes_nothing_is_told_at_level_debug(
    trust_domain: TrustDomain, tmp_path: Path, client_of: Callable[..., Client], level: str, told: set[int]
) -> None:
    """Everything else that a client asks has a line in any case."""
    with closing(Wos(tmp_path, trust_domain, log_level=level)) as wos:
        client = client_of(wos)
        tag = client.http.get(MANIFEST).headers["etag"]
        assert client.http.get(MANIFEST, headers={"If-None-Match": tag}).status_code == 304
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {line["status"] for line in lines if line.get("path") == MANIFEST} == told


@pytest.fixture
def proxied(trust_domain: TrustDomain, tmp_path: Path) -> Iterator[Wos]:
    """A WOS behind a proxy at the near address."""
    wos = Wos(tmp_path, trust_domain, behind_proxy=NEAR, database=f"sqlite:///{tmp_path}/wos.sqlite3")
    yield wos
    wos.close()


def passed(credential: Credential) -> str:
    """`Client-Cert` as RFC 9440 writes it."""
    return f":{base64.b64encode(credential.certificate.public_bytes(Encoding.DER)).decode()}:"


def asked(wos: Wos, headers: list[tuple[str, str]], address: str = NEAR) -> int:
    """The status that a request from an address is answered with."""
    transport = httpx.HTTPTransport(local_address=address)
    with httpx.Client(base_url=wos.url, transport=transport, trust_env=False) as http:
        return http.get(MANIFEST, headers=headers).status_code


def test_proxy_passes_the_certificate_on(proxied: Wos) -> None:
    """Everything about the leaf is looked at as ever; what is no certificate is refused."""
    name = f"{WOS_ID}/client/a"
    proxied.do("admit", spiffeId=name)
    good, other = proxied.trust_domain.issue(name), proxied.trust_domain.issue(f"{WOS_ID}/client/b")
    header = ("client-cert", passed(good))
    assert asked(proxied, [header]) == 200
    assert asked(proxied, [("client-cert", passed(other))]) == 403
    assert asked(proxied, [header, header]) == 401
    for wrong in ("", "::", passed(good).strip(":"), passed(good)[:-9] + ":", f"{passed(good)}, {passed(good)}"):
        assert asked(proxied, [("client-cert", wrong)]) in (401, 403)
    assert asked(proxied, []) == 401


def test_only_the_proxy_is_believed(proxied: Wos) -> None:
    """Whoever else can reach the listener can write any header."""
    name = f"{WOS_ID}/client/a"
    proxied.do("admit", spiffeId=name)
    header = ("client-cert", passed(proxied.trust_domain.issue(name)))
    assert asked(proxied, [header, ("x-forwarded-for", NEAR)], FAR) == 403


def test_header_means_nothing_without_a_proxy(wos: Wos, client_of: Callable[..., Client]) -> None:
    """Who calls follows from the connection alone."""
    one, other = client_of(wos, "one"), client_of(wos, "other")
    other.assign()
    answer = one.http.get(MANIFEST, headers={"client-cert": passed(other.credential)})
    assert answer.json() == one.manifest() != other.manifest()
