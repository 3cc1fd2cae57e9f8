"""Where the rules of the boundary end for an agent: what is no occasion for them, and what is just one."""

from random import Random

import pytest

from story import CAPABILITIES, Story
from wos_conformance.suite.agent.wanted import Wanted

RANDOM = Random(1)
GOOD, OTHER = Wanted.new(RANDOM), Wanted.new(RANDOM)
NEWER = GOOD.changed(RANDOM)
TELLING = "sixteen letters."
DECOY, ELSEWHERE = "https://127.0.0.1:9", "https://127.0.0.1:8"
LOCATION = f"Location: {DECOY}/api/v1/deployments\r\n"


def kept(story: Story, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(f"boundary.{requirement}")]


def begun() -> Story:
    """An agent was started."""
    story = Story()
    story.start()
    return story


def test_type_that_is_not_offered_is_reported_when_it_was_retrieved() -> None:
    """Nobody knows of it before."""
    story = begun()
    publication = story.publish(GOOD.without_hope("unlisted-type"))
    story.deadline("failed-reported", publication, met=False)
    assert kept(story, "unlisted-type-failed") == []


def test_offer_is_announced_after_each_start() -> None:
    """One that was given nothing hides none, nor one that has told nothing."""
    story = Story()
    for offer in ("nothing", None, None):
        story.start(capabilities=offer)
        story.control("stop")
    story.start()
    story.announces({**CAPABILITIES, "labels": {"line": 3}})
    assert kept(story, "offer-announced-unchanged") == [False]


@pytest.mark.parametrize(("status", "verdicts"), [(200, []), (300, [False]), (399, [False]), (400, [])])
def test_redirect_has_a_status_of_its_own(status: int, verdicts: list[bool]) -> None:
    """Other answers are none, and hide none."""
    story = begun()
    story.polls()
    story.polls(status, LOCATION)
    story.connects("decoy", "refused", failure=DECOY)
    story.polls()
    assert kept(story, "redirect-not-followed") == verdicts


def test_place_may_be_called_before_a_redirect_names_it() -> None:
    """After that another one may."""
    story = begun()
    story.connects("decoy", "refused", failure=DECOY)
    story.polls(302, LOCATION)
    story.connects("decoy", "refused", failure=ELSEWHERE)
    story.connects("decoy", "established")
    story.polls()
    assert kept(story, "redirect-not-followed") == [True]


@pytest.mark.parametrize(("status", "verdicts"), [(401, [False]), (402, []), (403, [False]), (404, [False])])
def test_refusal_has_three_statuses(status: int, verdicts: list[bool]) -> None:
    """Of others nothing is said here."""
    story = begun()
    story.adopts(GOOD)
    story.polls(status)
    story.look()
    story.polls()
    assert kept(story, "refusal-keeps-running") == verdicts


def test_older_revision_may_run_until_the_newer_one_is_adopted() -> None:
    """It has not been, so far."""
    story = begun()
    story.adopts(GOOD)
    missed = story.publish(NEWER)
    story.deadline("adopted", missed, met=False)
    story.look(GOOD)
    assert kept(story, "no-return-to-older") == []


def test_new_deployment_hides_no_older_revision() -> None:
    """It has none itself."""
    story = begun()
    story.adopts(GOOD)
    story.adopts(OTHER, NEWER)
    before = kept(story, "no-return-to-older")
    story.look(OTHER, GOOD)
    assert kept(story, "no-return-to-older") == [*before, False]


def test_value_of_sixteen_letters_is_not_told() -> None:
    """When it was retrieved; what was not hides nothing."""
    story = begun()
    told = GOOD.having({"rate": TELLING})
    story.publish(OTHER.having({"rate": TELLING}))
    publication = story.publish(told)
    content = story.history.body(publication.manifest)
    story.polls(200, f"ETag: {publication.etag}\r\n", content=content)
    assert kept(story, "parameter-values-stay") == [True]
    story.reports(told, "installing", more={"note": f"rate={TELLING}"})
    assert kept(story, "parameter-values-stay") == [False]
