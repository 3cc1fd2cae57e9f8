"""Judges of enrolment and trust discovery for an agent: a story that keeps each rule, and the same one with a sin."""

import json

import pytest

from newcomers import SERVICE, begins, enrols, finds
from story import Story, Tales
from told import CLIENT
from wos_conformance.drive.enrolment import Key, altered

TALES = Tales("enrolment", "trust-discovery")
KEY, OTHER = Key(), Key()


@TALES.of("onboarding.service-verified")
def service_is_another_one(story: Story, sin: bool) -> None:
    """It gets a request."""
    story.closes(story.connects("service-other-host", name=SERVICE), 80 if sin else 0)


@TALES.of("onboarding.request-own-key")
def request_is_sent(story: Story, sin: bool) -> None:
    """Its signature does not verify."""
    request = KEY.request()
    enrols(story, begins(story), altered(request) if sin else request, 202)


@TALES.of("onboarding.pending-respected")
def approval_is_missing(story: Story, sin: bool) -> None:
    """The agent does not wait."""
    at = begins(story)
    enrols(story, at, KEY.request(), 202)
    story.waits(1.0 if sin else 5.0)
    enrols(story, at, KEY.request(), 202)


@TALES.of("onboarding.pending-same-key")
def approval_is_still_missing(story: Story, sin: bool) -> None:
    """The agent comes with another key."""
    at = begins(story)
    enrols(story, at, KEY.request(), 202)
    enrols(story, at, (OTHER if sin else KEY).request(), 202)


@TALES.of("onboarding.renews-in-time")
def certificate_lives_for_a_while(story: Story, sin: bool) -> None:
    """The agent is late."""
    at = begins(story)
    enrols(story, at, KEY.request(), 200, 20)
    story.waits(17.0 if sin else 12.0)
    enrols(story, at, KEY.request(), 202, operation="simplereenroll")


@TALES.of("onboarding.renewed-shown")
def certificate_was_renewed(story: Story, sin: bool) -> None:
    """The agent shows the one before."""
    at = begins(story)
    first = enrols(story, at, KEY.request(), 200)
    second = enrols(story, at, OTHER.request(), 200, operation="simplereenroll")
    story.waits(5.0)
    story.connects(None, peer=first if sin else second)


@TALES.of("onboarding.discovery-verified")
def bundle_comes_from_a_stranger(story: Story, sin: bool) -> None:
    """The agent goes to a WOS with it."""
    story.start(identityService={"spiffeId": CLIENT})
    story.connects("service-unknown-root", name=SERVICE)
    if sin:
        story.polls()
    finds(story, story.connects(None, name=SERVICE))
    story.polls()


@TALES.of("onboarding.bundle-uri-https")
def document_leads_away(story: Story, sin: bool) -> None:
    """Somebody dials there."""
    at = begins(story, follows=True)
    document = {"trustDomain": "plant.example", "trustBundleUri": "http://127.0.0.1:9/bundle.json"}
    story.asks("GET /.well-known/margo", 200, content=json.dumps(document).encode(), connection=at.connection)
    if sin:
        story.connects("decoy", "refused", failure="https://127.0.0.1:9")
    story.polls()


@TALES.of("onboarding.bundle-without-root-refused")
def bundle_has_no_root(story: Story, sin: bool) -> None:
    """The agent trusts nobody any more whom it has not met yet."""
    at = begins(story, follows=True)
    finds(story, at)
    finds(story, at, keys=[{"kty": "EC", "use": "jwt-svid"}])
    story.polls()
    if not sin:
        story.polls(connection=story.connects(None).connection)
    story.waits(20.0)
    story.announces()
    story.announces()


@TALES.of("onboarding.bundle-replaces")
def root_is_gone(story: Story, sin: bool) -> None:
    """It is trusted all the same."""
    begins(story, follows=True)
    story.closes(story.connects("dropped-root"), 80 if sin else 0)


@TALES.of("onboarding.bundle-refreshed")
def bundle_has_a_hint(story: Story, sin: bool) -> None:
    """Nobody asks again."""
    at = begins(story, follows=True)
    finds(story, at, spiffe_refresh_hint=1)
    if not sin:
        story.waits(1.0)
        finds(story, at)
    story.waits(20.0)
    story.polls()


@TALES.of("onboarding.bundle-kept")
def service_is_away_at_a_start(story: Story, sin: bool) -> None:
    """The agent does not know its WOS any more."""
    finds(story, begins(story, follows=True))
    story.control("stop")
    with story.fault("identity-away", "connection"):
        story.start(identityService={"spiffeId": CLIENT})
        if not sin:
            story.polls()
        story.waits(30.0)
    story.announces()


@pytest.mark.parametrize("name", TALES)
def test_rule_is_judged(name: str) -> None:
    """Both ways."""
    TALES.assert_judged(name)
