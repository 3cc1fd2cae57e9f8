"""Situations around who may talk to a WOS (identity.md)."""

import pytest

from wos_conformance.drive import sample
from wos_conformance.suite.wos.stage import Stage

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
    "no-uri-san": "identity.one-uri-name",
    "dns-only": "identity.one-uri-name",
    "two-uri-sans": "identity.one-uri-name",
    "ca-leaf": "identity.leaf-constraints",
    "key-cert-sign": "identity.leaf-constraints",
    "unlisted": "identity.client-admitted",
}


@pytest.mark.gives("identity.wos-id-shape", "identity.wos-tls-version", "identity.wos-chain-sent")
def test_wos_shows_its_identity(wos: Stage) -> None:
    """An accepted client connects and asks for its manifest."""
    wos.need(wos.client().poll(), 200)


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
        twin.old_tls()


@pytest.mark.gives("identity.policy-per-request")
@pytest.mark.needs("retire")
def test_client_is_retired_while_connected(wos: Stage) -> None:
    """A client is retired and goes on asking, first on the open connection and then on a new one."""
    client = wos.client()
    wos.need(client.poll(), 200)
    wos.retire(client)
    client.poll()
    client.announce(sample.capabilities(wos.random, client.device_id))
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
