"""Where the rules for newcomers end: agents that enrol, follow a trust bundle, or move to another WOS."""

import json
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from newcomers import BUNDLE, EST, SERVICE, begins, enrols, finds
from story import DECLARED, STATE, Story
from told import CLIENT
from wos_conformance.drive.enrolment import Key
from wos_conformance.suite.agent.wanted import Wanted

RANDOM = Random(1)
OLD, NEW, MORE = Wanted.new(RANDOM), Wanted.new(RANDOM), Wanted.new(RANDOM)
NEXT = CLIENT.replace("/one", "/two")
KEY, OTHER = Key(), Key()
HERE, ELSEWHERE = "http://127.0.0.1:9/bundle.json", "https://localhost:1/bundle.json"
NO_ROOT = [{"kty": "EC", "use": "jwt-svid"}]


def kept(story: Story, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(f"onboarding.{requirement}")]


def seldom() -> Story:
    """An agent polls every four seconds."""
    story = Story()
    story.events[0] = replace(story.events[0], declared=DECLARED | {"poll_interval": 4.0})
    return story


def released(*running: Wanted) -> Story:
    """A device is released, on which these deployments run."""
    story = Story()
    story.start()
    story.adopts(OLD)
    story.look(*running)
    story.control("release", state=STATE)
    return story


def test_device_that_is_not_started_again_tells_nothing() -> None:
    """Nobody knows what it has forgotten."""
    story = released(OLD)
    story.look()
    for rule in ("release-forgets", "release-keeps-running"):
        assert kept(story, rule) == []


@pytest.mark.parametrize("defect", ["tag-wrong", None])
def test_first_version_is_one_that_names_something(defect: str | None) -> None:
    """And that has to be adopted; of the second one other rules speak."""
    story = released(OLD)
    story.start("two")
    bad = story.publish(*([NEW] if defect else []), client=NEXT, defect=defect)
    story.retrieves(bad)
    story.look()
    assert kept(story, "release-forgets") == [True]
    story.retrieves(story.publish(NEW, client=NEXT))
    story.reports(NEW, "installing", client=NEXT)
    story.retrieves(story.publish(MORE, client=NEXT))
    assert kept(story, "release-forgets") == [True] * 3


def test_first_version_is_taken_once_it_is_retrieved() -> None:
    """By then something else has happened."""
    story = released(OLD)
    story.start("two")
    publication = story.publish(NEW, client=NEXT)
    content = story.history.body(publication.manifest)
    story.polls(503, client=NEXT)
    story.look()
    assert kept(story, "release-forgets") == [True]
    story = released(OLD)
    story.start("two")
    publication = story.publish(NEW, client=NEXT)
    story.polls(200, f"ETag: {publication.etag}\r\n", content=content, client=NEXT)
    assert kept(story, "release-forgets") == [True]
    story.look()
    assert kept(story, "release-forgets") == [True, False]


def test_what_ran_at_the_release_runs_until_the_next_manifest() -> None:
    """Not what ran before that."""
    story = released()
    story.start("two")
    story.look()
    story.polls(503, client=NEXT)
    assert kept(story, "release-keeps-running") == [True]
    story.look(OLD)
    story.retrieves(story.publish(client=NEXT))
    story.look(OLD)
    story.polls(client=NEXT)
    assert kept(story, "release-keeps-running") == [True, False]


@pytest.mark.parametrize(("headers", "pause"), [("Retry-After: 5\r\n", 5.0), ("", 0.1)])
def test_approval_is_waited_for_as_long_as_it_has_to_be(headers: str, pause: float) -> None:
    """As exactly as clocks are."""
    for less in (0.0, 0.01, 0.5):
        story = Story()
        at = begins(story)
        story.asks(f"POST {EST}simpleenroll", 202, headers, connection=at.connection)
        story.waits(pause - 0.1 - (less if headers else 0.0))
        enrols(story, at, KEY.request(), 202)
        assert kept(story, "pending-respected") == [less < 0.5 or not headers]


def test_only_enrolments_are_signed() -> None:
    """Other requests to the service are not, nor are requests to others."""
    story = Story()
    finds(story, begins(story))
    story.asks(f"POST {EST}simpleenroll", 404, connection=story.connects(None).connection)
    assert kept(story, "request-own-key") == []


def test_renewal_is_expected_of_an_agent_that_runs() -> None:
    """Nobody knows who has asked otherwise."""
    story = Story()
    enrols(story, story.connects(None, name=SERVICE), KEY.request(), 200, 20)
    story.waits(60.0)
    story.look()
    assert kept(story, "renews-in-time") == []


def test_newest_certificate_is_shown_when_there_are_two() -> None:
    """A while after the second one was issued, to the WOS, by who shows one at all."""
    story = Story()
    at = begins(story)
    first = enrols(story, at, KEY.request(), 200)
    story.waits(5.0)
    story.connects(None, peer=first)
    enrols(story, at, OTHER.request(), 200, operation="simplereenroll")
    story.waits(1.0)
    story.connects(None, peer=first)
    story.waits(5.0)
    story.connects(None)
    story.connects(None, name=SERVICE, peer=first)
    assert kept(story, "renewed-shown") == []


def looks_for_its_wos(story: Story, *services: str | None, **given: Any) -> None:
    """An agent is started, and meets these identity services."""
    story.start(identityService={"spiffeId": CLIENT}, **given)
    for flaw in services:
        story.connects(flaw, name=SERVICE)


def test_wrong_service_is_no_matter_for_an_agent_that_has_a_bundle() -> None:
    """It hides no other start."""
    story = Story()
    for given in ({"trustBundlePem": "roots"}, {}):
        looks_for_its_wos(story, "service-unknown-root", **given)
        story.polls()
        story.control("stop")
    assert kept(story, "discovery-verified") == [False]


@pytest.mark.parametrize("services", [(), (None,), (None, "service-unknown-root")])
def test_wrong_service_comes_before_the_right_one(services: tuple[str | None, ...]) -> None:
    """Or there is none; a WOS with a wrong certificate is something else."""
    story = Story()
    looks_for_its_wos(story, *services)
    story.connects("unknown-root")
    story.polls()
    assert kept(story, "discovery-verified") == []


def test_agent_that_was_stopped_has_not_found_the_right_service() -> None:
    """What it asks in its next run proves nothing."""
    story = Story()
    looks_for_its_wos(story, "service-unknown-root")
    story.control("stop")
    looks_for_its_wos(story, trustBundlePem="roots")
    story.polls()
    assert kept(story, "discovery-verified") == []


def discovers(story: Story, uri: str) -> None:
    """A discovery document names this place."""
    at = story.connects(None, name=SERVICE)
    content = json.dumps({"trustBundleUri": uri}).encode()
    story.asks("GET /.well-known/margo", 200, content=content, connection=at.connection)


def test_place_without_tls_is_not_called_after_it_was_named() -> None:
    """Before that it may be, and another one may; a place with TLS hides nothing."""
    story = Story()
    story.start()
    story.connects("decoy", "refused", failure="https://127.0.0.1:9")
    discovers(story, ELSEWHERE)
    discovers(story, HERE)
    assert kept(story, "bundle-uri-https") == []
    story.connects("decoy", "refused", failure="https://127.0.0.1:8")
    story.connects("decoy", "established")
    assert kept(story, "bundle-uri-https") == [True]


def test_bundle_without_roots_is_refused_by_who_has_one() -> None:
    """The first one may be any, and one with roots is taken."""
    for first, second in ((NO_ROOT, NO_ROOT), ([{"use": "x509-svid"}], [{"use": "x509-svid"}])):
        story = Story()
        at = begins(story, follows=True)
        finds(story, at, keys=first)
        finds(story, at, keys=second)
        story.waits(20.0)
        story.look()
        assert kept(story, "bundle-without-root-refused") == []


def test_bundle_without_roots_leaves_time_for_a_poll() -> None:
    """Three intervals and one timeout, after the last poll on a connection that was open already."""
    for late, opens, verdicts in ((-0.3, True, [True]), (0.3, True, [True]), (-0.3, False, []), (0.3, False, [False])):
        story = seldom()
        at = begins(story, follows=True)
        old = story.connects(None)
        finds(story, at)
        finds(story, at, keys=NO_ROOT)
        story.waits(10.0)
        story.polls(connection=old.connection)
        story.waits(14.0 - 0.1 + late)
        story.polls(connection=story.connects(None).connection) if opens else story.look()
        assert kept(story, "bundle-without-root-refused") == verdicts


def test_bundle_is_refreshed_within_its_hint() -> None:
    """One without a hint hides nothing, and what is no bundle has none."""
    story = Story()
    at = begins(story, follows=True)
    story.asks(f"GET {BUNDLE}", 404, content=b'{"spiffe_refresh_hint": 1}', connection=at.connection)
    finds(story, at)
    story.waits(20.0)
    assert kept(story, "bundle-refreshed") == []
    finds(story, at, spiffe_refresh_hint=10)
    story.waits(12.0)
    finds(story, at)
    assert kept(story, "bundle-refreshed") == [True]


def starts_alone(story: Story) -> None:
    """An agent is started while the identity service is away."""
    with story.fault("identity-away", "connection"):
        story.start(identityService={"spiffeId": CLIENT})


@pytest.mark.parametrize(("late", "verdicts"), [(-0.3, []), (0.3, [False])])
def test_bundle_that_was_kept_leaves_time_for_a_poll(late: float, verdicts: list[bool]) -> None:
    """Three intervals, one timeout and the longest pause; a start without any bundle hides nothing."""
    story = seldom()
    starts_alone(story)
    story.control("stop")
    finds(story, begins(story, follows=True))
    story.control("stop")
    starts_alone(story)
    story.waits(22.0 - 0.2 + late)
    story.look()
    assert kept(story, "bundle-kept") == verdicts


def test_bundle_without_roots_is_not_kept() -> None:
    """There is nothing to trust, so nothing is asked."""
    story = Story()
    finds(story, begins(story, follows=True), keys=NO_ROOT)
    story.control("stop")
    starts_alone(story)
    story.waits(60.0)
    story.look()
    assert kept(story, "bundle-kept") == []
