"""Situations around who may talk to a WOS (identity.md)."""

import base64
from dataclasses import replace

import pytest

from wos_conformance.drive import sample
from wos_conformance.suite.wos.client import Client
from wos_conformance.suite.wos.stage import Stage

_SHORT_LIFE = 2.0

FLAWS = {
    "unknown-root": "identity.chain-verified",
    "missing-intermediate": "identity.chain-verified",
    "expired-leaf": "identity.validity-checked",
    "not-yet-valid-leaf": "identity.validity-checked",
    "expired-intermediate": "identity.validity-checked",
    "other-trust-domain": "identity.trust-domain-matched",
    "other-wos-id": "identity.wos-id-matched",
    "case-variant": "identity.wos-id-matched",
    "wos-shaped": "identity.path-shape-exact",
    "extra-segment": "identity.path-shape-exact",
    "no-client-segment": "identity.path-shape-exact",
    "no-wos-segment": "identity.path-shape-exact",
    "no-uri-san": "identity.one-uri-name",
    "dns-only": "identity.one-uri-name",
    "two-uri-sans": "identity.one-uri-name",
    "ca-leaf": "identity.leaf-constraints",
    "key-cert-sign": "identity.leaf-constraints",
    "server-usage-only": "identity.client-usage-required",
    "rsa-2048": "identity.weak-certificate-refused",
    "sha-1": "identity.weak-certificate-refused",
    "unlisted": "identity.client-admitted",
}


@pytest.mark.gives("identity.wos-id-shape", "identity.wos-tls-version", "identity.wos-chain-sent")
def test_wos_shows_its_identity(wos: Stage) -> None:
    """An accepted client connects and asks for its manifest."""
    wos.need(wos.client().poll(), 200)


@pytest.mark.gives("identity.wos-tls-version")
def test_peer_leaves_the_choice_of_tls(wos: Stage) -> None:
    """A peer with a good certificate offers TLS 1.2 and 1.3."""
    wos.visitor(wos.svid(None)).attempt("tls-1.2-or-1.3")


@pytest.mark.parametrize("flaw", [pytest.param(f, marks=pytest.mark.gives(r), id=f) for f, r in FLAWS.items()])
def test_peer_shows_a_flawed_certificate(wos: Stage, flaw: str) -> None:
    """A good peer is served; then its twin comes, whose certificate differs in one thing."""
    with wos.twin_of(wos.client()) as twin:
        twin.flawed(flaw).poll()


@pytest.mark.gives("identity.refused-by-policy-403", "identity.client-admitted")
def test_peer_is_not_on_the_list(wos: Stage) -> None:
    """A peer with a perfect certificate asks for everything, but nobody has admitted it."""
    with wos.twin_of(wos.client()) as twin:
        stranger = twin.flawed("unlisted")
        stranger.poll()
        stranger.announce(sample.capabilities(wos.random, stranger.device_id))
        stranger.bundle(sample.digest(wos.random))


@pytest.mark.gives("identity.certificate-required")
def test_peer_shows_no_certificate(wos: Stage) -> None:
    """A good peer is served; then one without a certificate asks for the same."""
    with wos.twin_of(wos.client()) as twin:
        twin.anonymous().poll()


@pytest.mark.gives("identity.wos-old-tls-refused")
def test_peer_speaks_old_tls(wos: Stage) -> None:
    """A good peer is served; then it offers nothing newer than TLS 1.1."""
    with wos.twin_of(wos.client()) as twin:
        twin.offer("tls-1.1")


@pytest.mark.gives("identity.wos-tls-1-2-off", "identity.wos-tls-1-2-suites")
@pytest.mark.parametrize("offer", ["tls-1.2-only", "tls-1.2-cbc-only", "tls-1.2-static-only"])
def test_peer_speaks_tls_1_2(wos: Stage, offer: str) -> None:
    """A good peer is served; then it offers nothing newer than TLS 1.2, with good suites or with bad ones alone."""
    with wos.twin_of(wos.client()) as twin:
        twin.offer(offer)


@pytest.mark.gives("identity.forged-header-ignored")
def test_header_holds_the_certificate_of_another(wos: Stage) -> None:
    """An accepted client sends the certificate of a stranger in a header; nobody sends that of the client."""
    client = wos.client()
    stranger = wos.enter(wos.svid("unlisted"))
    wos.need(client.poll(), 200)
    client.poll_with(*_forged(stranger))
    with wos.twin_of(client) as twin:
        twin.anonymous().poll_with(*_forged(client))


@pytest.mark.gives("identity.forged-header-ignored")
@pytest.mark.needs("assign")
def test_header_holds_the_certificate_of_another_client(wos: Stage) -> None:
    """Two accepted clients have different manifests; one asks for its own with the certificate of the other."""
    client, other = wos.client(), wos.client()
    wos.assign(other, sample.application(wos.random))
    wos.need(client.poll(), 200)
    wos.need(other.poll(), 200)
    client.poll_with(*_forged(other))


def _forged(victim: Client) -> list[tuple[str, str]]:
    """The headers in which a proxy passes a certificate on (RFC 9440)."""
    assert victim.visitor.svid is not None
    leaf, *intermediates = (f":{base64.b64encode(der).decode()}:" for der in victim.visitor.svid.chain_der)
    return [("Client-Cert", leaf), ("Client-Cert-Chain", ", ".join(intermediates))]


@pytest.mark.gives("identity.resumption-not-longer", "identity.expired-while-connected")
@pytest.mark.needs("admit")
def test_certificate_expires(wos: Stage) -> None:
    """The SVID of a client that was served expires; then it resumes its session, and asks on its open connection."""
    svid = wos.client_for_seconds(_SHORT_LIFE)
    connected, resuming = wos.enter(svid), wos.enter(svid)
    for client in (connected, resuming):
        wos.need(client.poll(), 200)
    patience = _SHORT_LIFE + wos.run.settings.amounts.tolerance
    wos.wait_for(lambda: _is_refused(wos.enter(svid)), patience)
    resuming.visitor.resume()
    resuming.poll()
    connected.poll()


def _is_refused(client: Client) -> bool:
    answer = client.poll()
    client.visitor.close()
    return answer.status != 200


@pytest.mark.gives("identity.bundle-replaced")
@pytest.mark.needs("admit", "rotate_trust")
def test_trust_bundle_is_replaced(wos: Stage) -> None:
    """The trust bundle gets another root; a client is served under the new one, and comes with its old SVID."""
    client = wos.client()
    wos.need(client.poll(), 200)
    next_domain = wos.trust_domain.successor()
    with wos.trusting(next_domain.bundle_pem), wos.twin_of(wos.enter(next_domain.agent(client.client_id))):
        assert client.visitor.svid is not None
        wos.enter(replace(client.visitor.svid, flaw="replaced-root")).poll()
    client.new_connection()
    wos.need(client.poll(), 200)


@pytest.mark.gives("identity.policy-per-request")
@pytest.mark.needs("retire")
def test_client_is_retired_while_connected(wos: Stage) -> None:
    """A client is retired and goes on asking: on the open connection, on one that resumes its session, on a new one."""
    client = wos.client()
    wos.need(client.poll(), 200)
    wos.retire(client)
    client.poll()
    client.announce(sample.capabilities(wos.random, client.device_id))
    client.visitor.resume()
    client.poll()
    client.new_connection()
    client.poll()


@pytest.mark.gives("identity.caller-from-svid", "capabilities.delete-unknown-404")
def test_two_clients_use_one_device_id(wos: Stage) -> None:
    """Two clients announce the same device id; each then withdraws it."""
    first, second = wos.client(), wos.client()
    shared = sample.word(wos.random)
    for client in (first, second):
        client.announce(sample.capabilities(wos.random, shared), shared)
    wos.look(first)
    wos.look(second)
    first.forget(shared)
    wos.look(second)
    second.forget(shared)
    second.forget(shared)


@pytest.mark.gives("identity.scope-isolated", "status.unknown-deployment-404")
@pytest.mark.needs("assign")
def test_client_asks_for_what_belongs_to_another(wos: Stage) -> None:
    """One client has a deployment; another asks for its document and bundle and reports on it."""
    owner, other = wos.client(), wos.client()
    deployment = wos.assign(owner, sample.application(wos.random))
    manifest = wos.manifest(owner)
    owner.fetch_all(manifest)
    for entry in manifest.deployments:
        other.document(entry.deployment_id, entry.digest)
    other.bundle(manifest.bundle_digest or sample.digest(wos.random))
    other.report(sample.status(deployment.id, manifest.version, deployment.components))
    other.poll()
