"""Judges of the chapter identity for a WOS: a story that keeps each rule, and the same one with a sin."""

import pytest

from visits import ONE, TWO, Assigned, Tales, Visits

TALES = Tales()
FAILED = {"failure": "tlsv13 alert certificate required"}


def _served(story: Visits, sin: bool) -> None:
    """A request is answered, or the connection ends without an answer."""
    if sin:
        story.polls(200)
    else:
        story.polls(None, failure="alert")


@TALES.of("identity.wos-tls-1-2-off")
def tls_1_2_is_offered(story: Visits, sin: bool) -> None:
    """A handshake succeeds."""
    story.connect("tls-1.2-only", "established" if sin else "handshake-failed", tls_version="TLSv1.2")


@TALES.of("identity.client-usage-required")
def certificate_is_for_servers(story: Visits, sin: bool) -> None:
    """It is good enough."""
    story.connect("server-usage-only")
    _served(story, sin)


@TALES.of("identity.weak-certificate-refused")
def key_is_short(story: Visits, sin: bool) -> None:
    """It is long enough."""
    story.connect("rsa-2048")
    _served(story, sin)


@TALES.of("identity.weak-certificate-refused")
def signature_is_old(story: Visits, sin: bool) -> None:
    """It is new enough."""
    story.connect("sha-1", "established" if sin else "handshake-failed", **({} if sin else FAILED))
    if sin:
        story.polls(200)


@TALES.of("identity.bundle-replaced")
def root_was_replaced(story: Visits, sin: bool) -> None:
    """The old one is still trusted."""
    story.control("rotate_trust")
    story.connect("replaced-root")
    _served(story, sin)


@TALES.of("identity.forged-header-ignored")
def header_names_another_client(story: Visits, sin: bool) -> None:
    """The other one is answered."""
    wanted = Assigned()
    story.connect(client=TWO)
    story.assign(wanted, client=TWO)
    story.serves(2, wanted, client=TWO)
    story.connect()
    tag = story.serves(1)
    if sin:
        story.serves(2, wanted, headers=[story.forged(TWO)])
    else:
        story.serves(1, headers=[story.forged(TWO)], tag=tag)


@TALES.of("identity.forged-header-ignored")
def header_names_a_stranger(story: Visits, sin: bool) -> None:
    """The client is refused for what the stranger is."""
    story.connect()
    story.serves(1)
    if sin:
        story.polls(403, story.forged(TWO))
    else:
        story.serves(1, headers=[story.forged(TWO)])


@TALES.of("identity.forged-header-ignored")
def nobody_names_a_client(story: Visits, sin: bool) -> None:
    """A peer without a certificate is believed."""
    story.connect("none", client="")
    if sin:
        story.polls(200, story.forged(ONE), client="")
    else:
        story.polls(None, story.forged(ONE), client="", failure="alert")


@TALES.of("identity.resumption-not-longer")
def session_is_resumed(story: Visits, sin: bool) -> None:
    """The certificate is not looked at again."""
    story.connect("expires-soon")
    story.polls(200)
    story.connect("expires-soon")
    story.polls(None, failure="alert")
    story.connect("expires-soon", session="resumed")
    _served(story, sin)


@TALES.of("identity.expired-while-connected")
def connection_stays_open(story: Visits, sin: bool) -> None:
    """The certificate is not looked at again."""
    first = story.connect("expires-soon")
    story.polls(200)
    story.connect("expires-soon", "handshake-failed", **FAILED)
    story.on(first)
    _served(story, sin)


@TALES.of("identity.expired-while-connected")
def connection_is_closed(story: Visits, sin: bool) -> None:
    """It is kept open and used."""
    first = story.connect("expires-soon")
    story.polls(200)
    story.connect("expires-soon", "handshake-failed", **FAILED)
    story.on(first)
    if sin:
        story.polls(304)
    else:
        story.close(first, "closed by the target, or after a failure")


@pytest.mark.parametrize("name", TALES)
def test_judge_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TALES.assert_judged(name)


@pytest.mark.parametrize(
    ("offer", "cipher"),
    [("tls-1.2-cbc-only", "ECDHE-ECDSA-AES128-SHA256"), ("tls-1.2-static-only", "AES128-GCM-SHA256")],
)
def test_bad_suite_is_seen(offer: str, cipher: str) -> None:
    """With the feature, a good suite and no handshake are kept, any other suite is broken."""
    story = Visits(["tls-1.2"])
    story.connect("tls-1.2-only", tls_version="TLSv1.2", cipher="ECDHE-ECDSA-AES128-GCM-SHA256")
    story.connect(offer, "handshake-failed", failure="no shared cipher")
    assert [found.kept for found in story.judged("identity.wos-tls-1-2-suites")] == [True, True]
    story.connect(offer, tls_version="TLSv1.2", cipher=cipher)
    assert [found.kept for found in story.judged("identity.wos-tls-1-2-suites")] == [True, True, False]
    assert not story.judged("identity.wos-tls-1-2-off")


def test_certificate_that_was_not_sent_proves_nothing() -> None:
    """A refusal counts only when the bad certificate was really shown; an answer counts all the same."""
    story = Visits()
    story.connect("sha-1", "handshake-failed", name="not sent", failure="no certificate")
    story.connect("sha-1", name="not sent")
    story.polls(403)
    assert not story.judged("identity.weak-certificate-refused")
    story.polls(200)
    assert [found.kept for found in story.judged("identity.weak-certificate-refused")] == [False]


def test_connection_that_breaks_once_is_no_answer() -> None:
    """It is neither a refusal nor a missing one; when the repetition breaks too, the WOS wishes it so."""
    story = Visits()
    story.connect("unlisted")
    first = story.polls(None, failure="reset")
    rules = ("identity.client-admitted", "identity.refused-by-policy-403")
    assert not [judgement for rule in rules for judgement in story.judged(rule)]
    story.polls(None, failure="closed", repeats=first.seq)
    assert [[judgement.kept for judgement in story.judged(rule)] for rule in rules] == [[True], [False]]


def test_expired_certificate_that_is_still_taken_gives_no_occasion() -> None:
    """Clocks may differ, so nothing is said before a full handshake is refused."""
    story = Visits()
    story.connect("expires-soon")
    story.polls(200)
    story.connect("expires-soon", session="resumed")
    story.polls(200)
    assert not story.judged("identity.resumption-not-longer")
    assert not story.judged("identity.expired-while-connected")


def test_retired_client_begins_anew_beside_another() -> None:
    """Its record is gone, and that of the other client with the same device id stays."""
    story = Visits()
    for client in (ONE, TWO):
        story.admit(client)
        story.announces(client=client)
    story.retire()
    story.admit()
    story.announces()
    story.announces(client=TWO, status=200)
    assert [found.kept for found in story.judged("identity.caller-from-svid")] == [True] * 3


def test_client_is_kept_apart_only_from_what_belongs_to_another() -> None:
    """A second client is nobody to be kept apart from while it has nothing."""
    story, wanted = Visits(), Assigned()
    for client in (ONE, TWO):
        story.admit(client)
        story.serves(1, client=client)
    assert story.judged("identity.scope-isolated") == []
    story.assign(wanted, client=ONE)
    story.serves(2, wanted, client=ONE)
    assert story.judged("identity.scope-isolated") == []
    story.serves(1, client=TWO)
    assert [found.kept for found in story.judged("identity.scope-isolated")] == [True]
