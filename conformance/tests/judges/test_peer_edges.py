"""Where the rules about peers end: what is no occasion for them, and what is just one."""

from collections.abc import Callable

import pytest

from story import Story
from visits import ONE, TWO, Assigned, Visits

Tell = Callable[[Visits], object]
EOF = "EOF occurred in violation of protocol"


def announced_by_both(story: Visits) -> None:
    """The second announcement is refused for another reason."""
    for client, status in ((ONE, 201), (TWO, 422)):
        story.admit(client)
        story.announces(client=client, status=status)


def asked_with_own_certificate(story: Visits) -> None:
    """The header says what the handshake has said already."""
    story.connect()
    story.serves(1)
    story.serves(2, headers=[story.forged(ONE)])


def asked_by_a_stranger(story: Visits) -> None:
    """Nobody is sure that the certificate is good."""
    story.connect("unlisted")
    story.serves(1)
    story.polls(403, story.forged(TWO))


def asked_before_anything_was_served(story: Visits) -> None:
    """There is nothing to compare with."""
    story.connect()
    story.polls(200, story.forged(TWO))


def failed_with_a_forged_header(story: Visits) -> None:
    """An error tells nothing."""
    story.connect()
    story.serves(1)
    story.polls(500, story.forged(TWO))


def asked_for_nothing(story: Visits) -> None:
    """Two clients to whom nothing belongs have nothing to see of each other."""
    for client in (ONE, TWO):
        story.admit(client)
        story.serves(1, client=client)


def left_alone_after_expiry(story: Visits) -> None:
    """The connection is neither used nor closed."""
    story.connect("expires-soon")
    story.polls(200)
    story.connect("expires-soon", "handshake-failed", failure="alert")


NO_OCCASION: list[tuple[str, Tell]] = [
    ("identity.wos-tls-version", lambda story: story.connect(outcome="handshake-failed", failure=EOF)),
    ("identity.wos-tls-version", lambda story: story.connect(outcome="handshake-failed", failure="bad certificate")),
    (
        "identity.validity-checked",
        lambda s: s.connect("expired-leaf", "handshake-failed", failure="CERTIFICATE_VERIFY_FAILED"),
    ),
    ("identity.caller-from-svid", announced_by_both),
    ("identity.scope-isolated", lambda story: story.serves(1)),
    ("identity.scope-isolated", asked_for_nothing),
    ("identity.forged-header-ignored", asked_with_own_certificate),
    ("identity.forged-header-ignored", asked_by_a_stranger),
    ("identity.forged-header-ignored", asked_before_anything_was_served),
    ("identity.forged-header-ignored", failed_with_a_forged_header),
    ("identity.expired-while-connected", left_alone_after_expiry),
]


@pytest.mark.parametrize(("requirement", "tell"), NO_OCCASION)
def test_rule_has_nothing_to_say(requirement: str, tell: Tell) -> None:
    """Neither kept nor broken."""
    story = Visits()
    tell(story)
    assert story.judged(requirement) == []


def test_refusal_without_a_reason_is_a_refusal() -> None:
    """Not every library says why a handshake failed."""
    story = Visits()
    story.connect("expired-leaf", "handshake-failed")
    assert [found.kept for found in story.judged("identity.validity-checked")] == [True]


def test_any_error_hides_what_belongs_to_another() -> None:
    """From status 400 on."""
    story, wanted = Visits(), Assigned()
    story.serves(2, wanted)
    story.fetches(wanted, client=TWO, status=400)
    assert [found.kept for found in story.judged("identity.scope-isolated")] == [True]


def test_forged_header_is_ignored_in_a_conditional_poll_too() -> None:
    """With 304."""
    story = Visits()
    story.connect()
    story.serves(1)
    story.polls(304, story.forged(TWO))
    assert [found.kept for found in story.judged("identity.forged-header-ignored")] == [True]


def test_svid_of_another_does_not_matter() -> None:
    """Nor does a connection on which nothing was asked."""
    story = Visits()
    story.connect("expires-soon", client=TWO)
    story.connect("expires-soon")
    first = story.connect("expires-soon")
    story.polls(200)
    story.connect("expires-soon", "handshake-failed", failure="alert")
    story.on(first)
    story.polls(304)
    assert [found.kept for found in story.judged("identity.expired-while-connected")] == [False]


def test_version_of_tls_counts_where_the_certificate_is_good() -> None:
    """Not with a flaw, and not without a handshake."""
    story = Story()
    story.connects("rsa-2048", tls_version="TLSv1.2")
    story.connects(None, "handshake-failed")
    assert story.judged("identity.agent-tls-version") == []
