"""Judges of the chapter identity for an agent: a story that keeps each rule, and the same one with a sin."""

import pytest

from story import DOMAIN, Story, Tales

TALES, OLD_TLS = Tales(), Tales("tls-1.2")
FLAWS = {
    "unknown-root": "chain",
    "missing-intermediate": "chain",
    "expired-leaf": "validity",
    "not-yet-valid-leaf": "validity",
    "expired-intermediate": "validity",
    "other-wos-id": "wos-id",
    "other-trust-domain": "wos-id",
    "case-variant": "wos-id",
    "client-shaped": "wos-id",
    "dns-only": "wos-id",
    "ca-leaf": "leaf",
    "two-uri-sans": "leaf",
    "client-usage-only": "usage",
    "rsa-2048": "strength",
    "sha-1": "strength",
}


def flawed(flaw: str, requirement: str) -> None:
    """The WOS shows a certificate with a flaw; the sin is to send a request, or a part of one."""

    @TALES.of(requirement)
    def connection_is_closed(story: Story, sin: bool) -> None:
        story.start()
        story.closes(story.connects(flaw), 1 if sin else 0)

    @TALES.of(requirement)
    def handshake_fails(story: Story, sin: bool) -> None:
        story.start()
        connection = story.connects(flaw, "established" if sin else "handshake-failed")
        story.closes(connection, 120 if sin else 0)


for _flaw, _part in FLAWS.items():
    flawed(_flaw, f"identity.agent-verifies-{_part}")
flawed("replaced-root", "identity.agent-bundle-replaced")
flawed("expired-root", "identity.agent-expired-root")


@TALES.of("identity.agent-id-shape")
def agent_shows_a_certificate(story: Story, sin: bool) -> None:
    """It is that of a WOS."""
    svid = DOMAIN.wos() if sin else DOMAIN.agent("one")
    story.connects(None, peer=svid.chain_der[0])


@TALES.of("identity.agent-id-shape")
def agent_shows_a_certificate_with_names(story: Story, sin: bool) -> None:
    """It has two."""
    svid = DOMAIN.agent("one", "two-uri-sans" if sin else None)
    story.connects(None, peer=svid.chain_der[0])


@TALES.of("identity.agent-tls-version")
def both_versions_are_offered(story: Story, sin: bool) -> None:
    """The old one is taken."""
    story.connects(None, tls_version="TLSv1.2" if sin else "TLSv1.3")


@TALES.of("identity.agent-chain-sent")
def chain_is_sent(story: Story, sin: bool) -> None:
    """The leaf comes alone."""
    if sin:
        story.connects(None, "handshake-failed", failure="unable to get local issuer certificate")
    else:
        story.connects(None)


def old_tls(tales: Tales, requirement: str, offer: str) -> None:
    """An old protocol is offered; the sin is to take it."""

    @tales.of(requirement)
    def tell(story: Story, sin: bool) -> None:
        story.start()
        story.connects(offer, "established" if sin else "handshake-failed", tls_version="TLSv1.2" if sin else None)


old_tls(TALES, "identity.agent-tls-1-2-off", "tls-1.2-only")
old_tls(TALES, "identity.agent-tls-1-2-off", "tls-1.2-cbc-only")
old_tls(OLD_TLS, "identity.agent-tls-1-2-suites", "tls-1.2-cbc-only")


@pytest.mark.parametrize("name", TALES)
def test_rule_is_judged(name: str) -> None:
    """Both ways."""
    TALES.assert_judged(name)


@pytest.mark.parametrize("name", OLD_TLS)
def test_rule_for_old_tls_is_judged(name: str) -> None:
    """Both ways."""
    OLD_TLS.assert_judged(name)


def test_certificate_that_was_not_shown_is_no_occasion() -> None:
    """The handshake failed for another reason."""
    story = Story()
    story.start()
    story.connects("sha-1", "handshake-failed", failure="[SSL: NO_SUITABLE_SIGNATURE_ALGORITHM] no suitable")
    assert story.verdicts("identity.agent-verifies-strength") == set()


def test_tls_1_2_is_allowed_to_whoever_claims_it() -> None:
    """No occasion."""
    story = Story(["tls-1.2"])
    story.start()
    story.connects("tls-1.2-only", tls_version="TLSv1.2")
    assert story.verdicts("identity.agent-tls-1-2-off") == set()


def test_the_decoy_is_no_wos() -> None:
    """What dials there shows nothing to a WOS."""
    story = Story()
    story.connects("decoy", tls_version="TLSv1.2", peer=DOMAIN.wos().chain_der[0])
    assert not story.judged("identity.agent-id-shape")
    assert not story.judged("identity.agent-tls-version")
