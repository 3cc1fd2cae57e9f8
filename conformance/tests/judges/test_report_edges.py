"""Where the rules about reports end: what is no occasion for them, and what is just one."""

from random import Random
from typing import Any

import pytest

from story import Story
from visits import Assigned, Visits, problem
from wos_conformance.suite.agent.wanted import Wanted

RANDOM = Random(1)
GOOD, OTHER = Wanted.new(RANDOM), Wanted.new(RANDOM)
NEWER = GOOD.changed(RANDOM)
LAST = 2**64 - 1
PATIENCE = 13.0


def kept(story: Any, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(requirement)]


@pytest.mark.parametrize(("pause", "patience"), [("", PATIENCE), ("Retry-After: 20\r\n", PATIENCE + 20.0)])
@pytest.mark.parametrize(("early", "verdicts"), [(0.3, []), (-0.3, [False])])
def test_lost_report_is_waited_for(pause: str, patience: float, early: float, verdicts: list[bool]) -> None:
    """Longest pause, three intervals, one timeout, and what the WOS asked for."""
    story = Story()
    story.start()
    story.reports(GOOD, "installing", status=503, headers=pause)
    story.waits(patience - 0.1 - early)
    story.polls()
    assert kept(story, "status.repeated-after-failure") == verdicts


def test_lost_report_of_an_agent_that_was_stopped_is_not_waited_for() -> None:
    """It cannot speak."""
    story = Story()
    story.start()
    story.reports(GOOD, "installing", status=503)
    story.control("stop")
    story.waits(2 * PATIENCE)
    story.polls()
    assert kept(story, "status.repeated-after-failure") == []


def test_report_that_was_taken_is_not_waited_for() -> None:
    """The one after it is, also when it came back empty."""
    story = Story()
    story.start()
    story.reports(GOOD, "installing")
    for _ in range(2):
        story.reports(GOOD, "installed", status=None)
    assert kept(story, "status.repeated-after-failure") == [True]


@pytest.mark.parametrize("facts", [{"status": s} for s in (None, 401, 403, 429, 500)] + [{"failure": "reset"}], ids=str)
@pytest.mark.parametrize(("late", "verdict"), [(0.5, True), (PATIENCE + 0.5, False)])
def test_report_in_the_outbox_survives_a_power_cut(facts: dict[str, Any], late: float, verdict: bool) -> None:
    """Whatever kept it there; it comes in time, or too late."""
    story = Story()
    story.start()
    story.reports(OTHER, "installing")
    story.reports(GOOD, "installing", **facts)
    story.control("cut")
    story.start()
    story.waits(late)
    story.reports(GOOD, "installing")
    assert kept(story, "status.survives-power-cut") == [verdict]


@pytest.mark.parametrize("status", [402, 428, 430, 499])
def test_report_that_was_refused_has_left_the_outbox(status: int) -> None:
    """Nobody waits for it after a power cut."""
    story = Story()
    story.start()
    story.reports(GOOD, "installing", status=status)
    story.control("cut")
    story.start()
    story.waits(2 * PATIENCE)
    story.polls()
    assert kept(story, "status.survives-power-cut") == []


def test_fault_excuses_silence_after_a_power_cut() -> None:
    """Nobody could have been told."""
    story = Story()
    story.start()
    story.reports(GOOD, "installing", status=503)
    story.control("cut")
    story.start()
    with story.fault("away", "connection"):
        story.waits(2 * PATIENCE)
    story.polls()
    assert kept(story, "status.survives-power-cut") == []


def test_what_is_refused_needs_no_report_of_its_installation() -> None:
    """Nor does what was reported before."""
    story = Story()
    story.start()
    story.adopts(GOOD)
    bad = story.publish(NEWER, defect="tag-wrong")
    story.retrieves(bad)
    story.deadline("installed-reported", bad, met=False)
    same = story.publish(GOOD)
    story.deadline("installed-reported", same, met=False)
    assert kept(story, "status.installed-reported") == []


def test_bundle_of_before_brings_nothing_new() -> None:
    """Its digest is another one."""
    story = Story()
    story.start()
    first = story.publish(GOOD)
    story.publish(NEWER)
    story.retrieves(first, bundle=True)
    story.reports(GOOD, "installing", version=1)
    story.reports(NEWER, "installing", version=2)
    assert kept(story, "status.not-before-retrieval") == [True, False]


def test_truth_is_asked_of_what_is_wanted_now() -> None:
    """Not of what has left the manifest or changed since, and not of what is not said to be installed."""
    story = Story()
    story.start()
    story.adopts(GOOD, OTHER)
    before = len(kept(story, "status.tells-the-truth"))
    story.publish(NEWER)
    story.look()
    story.reports(NEWER, "installing", version=3)
    story.look()
    assert len(kept(story, "status.tells-the-truth")) == before


def test_report_without_components_lists_none() -> None:
    """Other rules speak of it."""
    story = Story()
    story.start()
    story.retrieves(story.publish(GOOD))
    story.reports(GOOD, "failed", components=[], error={"code": "c", "source": "s", "message": "m"})
    assert kept(story, "status.components-complete") == []
    assert kept(story, "status.most-severe-state") == []


def test_only_the_last_report_about_what_was_adopted_must_advance() -> None:
    """Not what was said of others, in another state, or before the manifest was there."""
    story = Story()
    story.start()
    story.adopts(GOOD, OTHER)
    publication = story.publish(NEWER, OTHER)
    story.reports(GOOD, "installed", version=1)
    story.retrieves(publication)
    story.reports(NEWER, "installing", version=1)
    story.reports(OTHER, "installed", version=1)
    story.reports(NEWER, "installed", version=2)
    story.deadline("adopted", publication)
    story.reports(NEWER, "installing", version=2)
    assert kept(story, "status.adopted-version-advances") == [True, True, True]


@pytest.mark.parametrize(("version", "verdicts"), [(2, []), (3, [True]), (LAST - 1, [True]), (LAST, [])])
def test_report_is_ahead_of_the_manifest(version: int, verdicts: list[bool]) -> None:
    """By one or more, and not at the end of all versions."""
    story, wanted = Visits(), Assigned()
    story.assign(wanted)
    story.serves(2, wanted)
    story.reports(wanted, wanted.report(version), 201)
    assert kept(story, "status.version-ahead-accepted") == verdicts


def test_each_refusal_has_its_own_rule() -> None:
    """What is no JSON is not invalid, what is right is neither, and what is about another one is not unknown."""
    story, wanted, other = Visits(), Assigned(), Assigned()
    story.assign(wanted)
    story.reports(wanted, b"{", 400, content=problem("invalid-request"))
    story.reports(wanted, status=201)
    story.reports(Assigned(), wanted.report(), 422, content=problem("semantic-error"))
    story.reports(wanted, other.report(), 422, content=problem("semantic-error"))
    assert kept(story, "status.invalid-422") == []
    assert kept(story, "status.path-mismatch-422") == [True]
    assert kept(story, "status.unknown-deployment-404") == []


def test_nobody_knows_what_became_of_a_lost_report() -> None:
    """So the next answer may be either, and what is shown too, until one is taken."""
    story, wanted = Visits(), Assigned()
    story.assign(wanted)
    story.reports(wanted, status=None, failure="reset")
    story.view(reports={})
    story.reports(wanted, status=200)
    story.reports(wanted, status=422)
    story.reports(wanted, status=200)
    assert kept(story, "status.first-201") == []
    assert kept(story, "status.repeat-200") == [True]
    assert kept(story, "status.newest-visible") == []
