"""What judges know of an agent: what it was published, what it asked, and what was seen to run."""

from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from story import STATE, Story
from told import CLIENT
from wos_conformance.suite.agent.wanted import Wanted

RANDOM = Random(1)
GOOD, OTHER = Wanted.new(RANDOM), Wanted.new(RANDOM)
NEWER = GOOD.changed(RANDOM)


def kept(story: Story, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(requirement)]


def begun(**given: Any) -> Story:
    """An agent was started."""
    story = Story()
    story.start(**given)
    return story


def adopted(*wanted: Wanted, running: list[Wanted], **more: Any) -> Story:
    """Something is adopted, and this is seen to run."""
    story = begun()
    publication = story.publish(*wanted)
    story.retrieves(publication)
    story.deadline("adopted", publication)
    story.look(*running, **more)
    return story


@pytest.mark.parametrize("running", [GOOD.having({"rate": 7}), NEWER.having({})])
def test_component_is_the_same_in_everything(running: Wanted) -> None:
    """In its parameters, and in its revision."""
    assert kept(adopted(GOOD, running=[running]), "desired-state.converges") == [False]


@pytest.mark.parametrize("parameters", [["rate"], {}, {"surplus": 1}])
def test_parameters_are_shown_by_their_names(parameters: Any) -> None:
    """No more and no less of them."""
    shown = GOOD.application["parameters"]["rate"]
    if parameters == {"surplus": 1}:
        parameters |= {target["pointer"]: shown["value"] for target in shown["targets"]}
    story = adopted(GOOD, running=[GOOD], parameters=parameters)
    assert kept(story, "deployment.parameters-applied") == [False]


def test_entry_that_cannot_be_read_hides_no_other() -> None:
    """What runs is seen to run."""
    story = adopted(GOOD, running=[GOOD])
    story.events[-1].response["workloads"].insert(0, "what")
    assert kept(story, "desired-state.converges") == [True]


def test_deployment_that_cannot_run_hides_no_other() -> None:
    """That one has to."""
    story = adopted(OTHER.unobtainable(), GOOD, running=[])
    assert kept(story, "desired-state.failure-stays-alone") == [False]


def test_version_is_that_of_the_good_manifest() -> None:
    """When there are two."""
    story = begun()
    good = story.publish(GOOD)
    story.retrieves(good)
    story.version -= 1
    story.publish(NEWER, defect="tag-wrong")
    story.reports(GOOD, "installing")
    assert kept(story, "status.not-before-retrieval") == [True]


@pytest.mark.parametrize(
    ("status", "tagged", "facts", "verdict"),
    [(200, True, {}, True), (200, False, {}, True), (304, True, {}, False), (200, True, {"failure": "reset"}, False)],
)
def test_manifest_is_brought_by_a_whole_answer(status: int, tagged: bool, facts: dict[str, Any], verdict: bool) -> None:
    """With its tag or without; that it has not changed brings none."""
    story = begun()
    publication = story.publish(GOOD)
    content = story.history.body(publication.manifest) if status == 200 else b""
    story.polls(status, f"ETag: {publication.etag}\r\n" if tagged else "", content=content, **facts)
    story.reports(GOOD, "pending")
    assert kept(story, "status.adopted-version") == [verdict]


def test_agent_with_windows_is_not_waited_for() -> None:
    """It may not call."""
    story = begun(windows=[{"from": "10:00:00", "to": "10:10:00"}])
    story.polls()
    story.waits(60.0)
    story.polls()
    assert kept(story, "connectivity.polls") == []


def test_verb_that_was_refused_hides_no_other() -> None:
    """The agent was started after that."""
    story = Story()
    story.control("wipe")
    story.events[-1] = replace(story.events[-1], outcome="refused")
    story.start()
    story.polls()
    assert kept(story, "capabilities.announced-first") == [False]


def test_agent_that_nobody_started_is_somebody_else() -> None:
    """Unless there is no test control."""
    for level, verdicts in ((1, []), (0, [False])):
        story = Story()
        story.events[0] = replace(story.events[0], level=level)
        story.polls()
        assert kept(story, "capabilities.announced-first") == verdicts


def test_requests_come_in_the_order_of_their_beginnings() -> None:
    """Not in that of their ends."""
    story = begun()
    story.waits(5.0)
    story.polls()
    story.waits(-3.0)
    story.polls()
    assert kept(story, "connectivity.not-faster") == [True]


def test_newcomer_is_known_by_the_id_that_it_is_to_enrol_for() -> None:
    """It has no certificate yet."""
    story = Story()
    story.control("start", state=STATE, identityService={"spiffeId": CLIENT})
    story.polls()
    assert kept(story, "capabilities.announced-first") == [False]


def refused(*looks: list[Wanted], last: bool = True) -> Story:
    """An agent is refused after these looks but the last one."""
    story = begun()
    for look in looks[:-1]:
        story.look(*look)
    story.polls(403)
    story.look(*looks[-1])
    if last:
        story.polls()
    return story


@pytest.mark.parametrize(
    ("looks", "last", "verdicts"),
    [
        ([[GOOD], [GOOD]], True, [True]),
        ([[], [GOOD], [GOOD]], True, [True]),
        ([[GOOD], [OTHER], [GOOD]], True, [False]),
        ([[GOOD], []], False, []),
        ([[GOOD]], True, []),
        ([[], [GOOD]], True, []),
    ],
)
def test_looks_around_something_are_compared(looks: list[list[Wanted]], last: bool, verdicts: list[bool]) -> None:
    """When there are two, the first of which saw something, and the agent lives."""
    assert kept(refused(*looks, last=last), "boundary.refusal-keeps-running") == verdicts


def test_publication_between_two_looks_may_change_something() -> None:
    """It is meant to."""
    story = begun()
    story.look(GOOD)
    story.polls(403)
    story.publish(NEWER)
    story.look(NEWER)
    story.polls()
    assert kept(story, "boundary.refusal-keeps-running") == []
