"""Where the rules about failures end, and those about children of a gateway."""

from random import Random
from typing import Any

import pytest

from story import CAPABILITIES, DEVICE, Story
from wos_conformance.suite.agent.wanted import Wanted

RANDOM = Random(1)
GOOD, OTHER = Wanted.new(RANDOM), Wanted.new(RANDOM)
PART = GOOD.application["deploymentProfiles"][0]["components"][0]["name"]
ERROR = {"code": "start-failed", "source": PART, "message": "ended with 1"}
CHILD = f"{DEVICE}/press"
CHILDREN = [{"properties": CAPABILITIES["properties"] | {"id": CHILD}}]


def kept(story: Story, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(requirement)]


def gateway() -> Story:
    """One with one child is started."""
    story = Story(["gateway"])
    story.start(children=CHILDREN)
    return story


def test_only_a_failure_needs_an_error() -> None:
    """Each one does."""
    story = Story()
    story.start()
    story.reports(GOOD, "installing")
    story.reports(GOOD, "failed")
    assert kept(story, "status.failure-explained") == [False]


def test_removal_that_failed_may_be_tried_again() -> None:
    """It is no installation."""
    story = Story()
    story.start()
    for state in ("removing", "failed", "installing"):
        story.reports(GOOD, state)
    assert kept(story, "status.failed-stays") == []


def test_failed_deployment_may_be_removed() -> None:
    """That it is removed later excuses nothing before."""
    story = Story()
    story.start()
    for state in ("failed", "removing"):
        story.reports(GOOD, state)
    story.polls()
    assert kept(story, "status.failed-stays") == [True]


def test_same_document_is_not_wanted_anew() -> None:
    """However often its manifest is served."""
    story = Story()
    story.start()
    publication = story.adopts(GOOD)
    story.reports(GOOD, "failed", error=ERROR)
    story.retrieves(publication)
    story.reports(GOOD, "installing")
    assert kept(story, "status.failed-stays") == [False]


def test_each_deployment_that_cannot_be_had_is_reported() -> None:
    """The second one is not."""
    story = Story()
    story.start()
    first = min(GOOD, OTHER, key=lambda wanted: wanted.deployment_id)
    publication = story.publish(GOOD, OTHER, defect="artifacts-missing")
    story.retrieves(publication)
    story.reports(first, "failed", error={**ERROR, "code": "retrieval-failed"})
    story.deadline("failed-reported", publication, met=False)
    assert kept(story, "status.unretrieved-reported") == [True, False]


def test_nobody_fails_to_get_what_was_never_asked_for() -> None:
    """Nor for another reason than the one that there is."""
    story = Story()
    story.start()
    missing = story.publish(GOOD, defect="artifacts-missing")
    story.deadline("failed-reported", missing, met=False)
    assert kept(story, "status.unretrieved-reported") == []
    story.retrieves(missing)
    assert kept(story, "status.unretrieved-reported") == [False]
    assert kept(story, "status.unverified-reported") == []


def test_child_is_named_in_each_report_about_it() -> None:
    """One about the gateway itself hides none, nor does one about nothing that was published."""
    story = gateway()
    story.publish(GOOD, OTHER.meant_for(CHILD))
    story.reports(GOOD, "installing", version=7)
    story.reports(GOOD, "installing")
    story.reports(OTHER, "installing")
    assert kept(story, "status.child-named") == [False]


@pytest.mark.parametrize(
    ("state", "code", "verdict"), [("failed", "103", True), ("failed", "102", False), ("installing", None, False)]
)
def test_any_child_is_chosen_or_there_is_none(state: str, code: str | None, verdict: bool) -> None:
    """Code 103 says so, and no other; a report about the gateway itself hides nothing."""
    story = gateway()
    story.publish(GOOD, OTHER.meant_for(f"{DEVICE}/*"))
    story.reports(GOOD, "installing")
    story.reports(OTHER, state, error={**ERROR, "code": code} if code else None)
    assert kept(story, "deployment.any-child-answered") == [verdict]


def test_each_error_of_a_gateway_has_its_source() -> None:
    """Also that of a component, when the deployment has none or one of its own."""
    parts: list[dict[str, Any]] = [{"name": PART, "state": "failed", "error": {**ERROR, "code": "101"}}]
    story = gateway()
    story.reports(GOOD, "failed", components=parts)
    story.reports(GOOD, "failed", components=parts, error=ERROR)
    assert kept(story, "status.gateway-error-source") == [False, False]


def test_unknown_child_is_answered_when_its_manifest_was_retrieved() -> None:
    """And has to be adopted."""
    story = gateway()
    unknown = GOOD.for_other_device(f"{DEVICE}/nobody", "unknown-child")
    publication = story.publish(unknown)
    story.deadline("failed-reported", publication, met=False)
    bad = story.publish(unknown, defect="tag-wrong")
    story.retrieves(bad)
    story.deadline("failed-reported", bad, met=False)
    assert kept(story, "deployment.unknown-child-101") == []
