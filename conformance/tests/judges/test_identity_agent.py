"""Judges of the chapter identity for an agent: a story that keeps each rule, and the same one with a sin."""

import pytest

from story import Story
from wos_conformance.judges import REGISTER  # noqa: F401 - a story asks judges

FLAWS = {
    "client-usage-only": "identity.agent-verifies-usage",
    "rsa-2048": "identity.agent-verifies-strength",
    "sha-1": "identity.agent-verifies-strength",
    "replaced-root": "identity.agent-bundle-replaced",
    "expired-root": "identity.agent-expired-root",
}


@pytest.mark.parametrize(("flaw", "requirement"), FLAWS.items())
def test_bytes_of_a_request_break_the_rule(flaw: str, requirement: str) -> None:
    """And silence keeps it."""
    for received, verdict in ((0, True), (120, False)):
        story = Story()
        story.start()
        story.closes(story.connects(flaw), received)
        assert story.verdicts(requirement) == {verdict}


def test_certificate_that_was_not_shown_is_no_occasion() -> None:
    """The handshake failed for another reason."""
    story = Story()
    story.start()
    story.connects("sha-1", "handshake-failed", failure="[SSL: NO_SUITABLE_SIGNATURE_ALGORITHM] no suitable")
    assert story.verdicts("identity.agent-verifies-strength") == set()


@pytest.mark.parametrize(
    ("flaw", "features", "requirement"),
    [
        ("tls-1.2-only", [], "identity.agent-tls-1-2-off"),
        ("tls-1.2-cbc-only", ["tls-1.2"], "identity.agent-tls-1-2-suites"),
    ],
)
def test_handshake_in_an_old_protocol_breaks_the_rule(flaw: str, features: list[str], requirement: str) -> None:
    """And none keeps it."""
    for outcome, verdict in (("handshake-failed", True), ("established", False)):
        story = Story(features)
        story.start()
        story.connects(flaw, outcome, tls_version="TLSv1.2" if verdict is False else None)
        assert story.verdicts(requirement) == {verdict}


def test_tls_1_2_is_allowed_to_whoever_claims_it() -> None:
    """No occasion."""
    story = Story(["tls-1.2"])
    story.start()
    story.connects("tls-1.2-only", tls_version="TLSv1.2")
    assert story.verdicts("identity.agent-tls-1-2-off") == set()
