"""Judges of who may talk to a WOS, and as whom: a story that keeps each rule, and the same one with a sin."""

import pytest

from visits import DOMAIN, ONE, TWO, Assigned, Tales, Visits, problem

TALES, OLD_TLS = Tales(), Tales("tls-1.2")
FLAWED = {
    "none": "certificate-required",
    "unknown-root": "chain-verified",
    "missing-intermediate": "chain-verified",
    "expired-leaf": "validity-checked",
    "not-yet-valid-leaf": "validity-checked",
    "expired-intermediate": "validity-checked",
    "other-trust-domain": "trust-domain-matched",
    "other-wos-id": "wos-id-matched",
    "case-variant": "wos-id-matched",
    "wos-shaped": "path-shape-exact",
    "extra-segment": "path-shape-exact",
    "no-client-segment": "path-shape-exact",
    "no-uri-san": "one-uri-name",
    "dns-only": "one-uri-name",
    "two-uri-sans": "one-uri-name",
    "ca-leaf": "leaf-constraints",
    "key-cert-sign": "leaf-constraints",
    "unlisted": "client-admitted",
}


def flawed(flaw: str, rule: str) -> None:
    """A peer has a flaw; it is refused in the handshake, or by a status, or it is not."""

    @TALES.of(f"identity.{rule}")
    def peer_connects(story: Visits, sin: bool) -> None:
        story.connect(flaw, "established" if sin else "handshake-failed", failure=None if sin else "bad certificate")
        if sin:
            story.polls(404)

    @TALES.of(f"identity.{rule}")
    def peer_asks(story: Visits, sin: bool) -> None:
        story.connect(flaw)
        story.polls(304 if sin else 401)


for _flaw, _rule in FLAWED.items():
    flawed(_flaw, _rule)


@TALES.of("identity.wos-id-shape")
def wos_shows_a_certificate(story: Visits, sin: bool) -> None:
    """It is that of a client."""
    svid = DOMAIN.agent("one") if sin else DOMAIN.wos()
    story.connect(peer=svid.chain_der)


@TALES.of("identity.wos-id-shape")
def wos_shows_a_certificate_with_names(story: Visits, sin: bool) -> None:
    """It has two."""
    story.connect(peer=DOMAIN.wos("two-uri-sans" if sin else None).chain_der)


@TALES.of("identity.wos-tls-version")
def tls_1_3_is_offered(story: Visits, sin: bool) -> None:
    """The WOS does not know it."""
    if sin:
        story.connect(outcome="handshake-failed", failure="tlsv1 alert protocol version")
    else:
        story.connect(tls_version="TLSv1.3")


@TALES.of("identity.wos-tls-version")
def tls_1_2_and_1_3_are_offered(story: Visits, sin: bool) -> None:
    """The WOS takes the old one."""
    story.connect("tls-1.2-or-1.3", tls_version="TLSv1.2" if sin else "TLSv1.3")


@TALES.of("identity.wos-chain-sent")
def chain_is_sent(story: Visits, sin: bool) -> None:
    """The leaf comes alone."""
    story.connect(
        outcome="handshake-failed" if sin else "established",
        failure="unable to get local issuer certificate" if sin else None,
    )


@TALES.of("identity.wos-old-tls-refused")
def old_tls_is_offered(story: Visits, sin: bool) -> None:
    """It is taken."""
    story.connect("tls-1.1", "established" if sin else "handshake-failed", tls_version="TLSv1.1" if sin else None)


@OLD_TLS.of("identity.wos-tls-1-2-suites")
def bad_suite_is_offered(story: Visits, sin: bool) -> None:
    """It is taken."""
    facts = {"tls_version": "TLSv1.2", "cipher": "ECDHE-RSA-AES256-SHA384"} if sin else {}
    story.connect("tls-1.2-cbc-only", "established" if sin else "handshake-failed", **facts)


@TALES.of("identity.refused-by-policy-403")
def peer_is_not_listed(story: Visits, sin: bool) -> None:
    """It is told that nobody knows it."""
    story.connect("unlisted")
    story.polls(401 if sin else 403, content=problem("not-authorized"))


@TALES.of("identity.refused-by-policy-403")
def peer_that_is_not_listed_is_told(story: Visits, sin: bool) -> None:
    """Something else."""
    story.connect("unlisted")
    story.polls(403, content=problem("semantic-error" if sin else "not-authorized"))


@TALES.of("identity.policy-per-request")
def client_is_retired(story: Visits, sin: bool) -> None:
    """It goes on, on a connection from before."""
    story.connect()
    story.admit()
    story.polls(200)
    story.retire()
    story.polls(304 if sin else 403)
    story.admit()
    story.polls(200)


@TALES.of("identity.caller-from-svid")
def two_clients_announce_one_device(story: Visits, sin: bool) -> None:
    """The second is told that it is known."""
    for client in (ONE, TWO):
        story.admit(client)
    story.announces(client=ONE)
    story.announces(client=TWO, status=200 if sin else 201)


@TALES.of("identity.caller-from-svid")
def two_clients_forget_one_device(story: Visits, sin: bool) -> None:
    """The first takes that of the second."""
    for client in (ONE, TWO):
        story.admit(client)
        story.announces(client=client)
    story.forgets(client=ONE)
    story.forgets(client=TWO, status=404 if sin else 204)


@TALES.of("identity.scope-isolated")
def two_clients_have_manifests(story: Visits, sin: bool) -> None:
    """The second gets that of the first."""
    one, two = Assigned(), Assigned()
    story.assign(one, client=ONE)
    story.assign(two, client=TWO)
    story.serves(2, one, client=ONE)
    story.serves(2, one if sin else two, client=TWO)


@TALES.of("identity.scope-isolated")
def two_clients_ask_for_one_document(story: Visits, sin: bool) -> None:
    """Both get it."""
    one = Assigned()
    story.serves(2, one, client=ONE)
    story.serves(1, client=TWO)
    story.fetches(one, client=TWO, status=200 if sin else 404)


@TALES.of("identity.scope-isolated")
def two_clients_ask_for_one_bundle(story: Visits, sin: bool) -> None:
    """Both get it."""
    one = Assigned()
    story.serves(2, one, client=ONE)
    story.fetches_bundle(one, client=TWO, status=200 if sin else 404)


@pytest.mark.parametrize("name", TALES)
def test_judge_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TALES.assert_judged(name)


@pytest.mark.parametrize("name", OLD_TLS)
def test_judge_of_old_tls_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    OLD_TLS.assert_judged(name)
