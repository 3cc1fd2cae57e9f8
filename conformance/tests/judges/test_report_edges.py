"""Where the rules about the reports of an agent end: what is no occasion for them, and what is just one."""

from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from story import DECLARED, Story
from wos_conformance.suite.agent.wanted import Wanted

RANDOM = Random(1)
GOOD, OTHER = Wanted.new(RANDOM), Wanted.new(RANDOM)
NEWER = GOOD.changed(RANDOM)
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


def test_fault_excuses_silence_about_one_and_hides_no_other() -> None:
    """What was said all the same counts."""
    story = Story()
    story.start()
    story.reports(OTHER, "installing", status=503)
    story.reports(GOOD, "installing", status=503)
    story.control("cut")
    story.start()
    with story.fault("away", "connection"):
        story.waits(1.0)
    story.reports(GOOD, "installing")
    story.waits(2 * PATIENCE)
    story.polls()
    assert kept(story, "status.survives-power-cut") == [True]


@pytest.mark.parametrize(("early", "verdicts"), [(0.3, []), (-0.3, [False])])
def test_lost_report_of_an_agent_that_seldom_polls_is_waited_for_longer(early: float, verdicts: list[bool]) -> None:
    """Three intervals of four seconds."""
    story = Story()
    story.events[0] = replace(story.events[0], declared=DECLARED | {"poll_interval": 4.0})
    story.start()
    story.reports(GOOD, "installing", status=503)
    story.waits(PATIENCE + 9.0 - 0.1 - early)
    story.polls()
    assert kept(story, "status.repeated-after-failure") == verdicts


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
    newer = story.publish(NEWER)
    story.deadline("installed-reported", newer, met=False)
    assert kept(story, "status.installed-reported") == [False]


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
    story.reports(NEWER, "installing")
    story.look()
    story.reports(NEWER, "installed", version=7)
    story.look()
    assert len(kept(story, "status.tells-the-truth")) == before


def test_truth_is_asked_of_each_deployment() -> None:
    """One that is not installed yet hides no other, nor does one that has changed."""
    story = Story()
    story.start()
    story.publish(GOOD, OTHER)
    story.reports(GOOD, "installing")
    story.reports(OTHER, "installed")
    story.look(GOOD)
    story.reports(GOOD, "installed")
    story.publish(NEWER, OTHER)
    story.look(GOOD)
    assert kept(story, "status.tells-the-truth") == [False, False]


def test_truth_is_asked_of_the_first_report() -> None:
    """The agent has said nothing else."""
    story = Story()
    story.start()
    story.publish(GOOD)
    story.reports(GOOD, "installed")
    story.look()
    assert kept(story, "status.tells-the-truth") == [False]


def test_deployment_that_waits_needs_no_document() -> None:
    """It does when it is installed."""
    story = Story()
    story.start()
    story.publish(GOOD)
    story.reports(GOOD, "pending")
    story.reports(GOOD, "installing")
    assert kept(story, "status.not-before-retrieval") == [False]


def test_report_that_is_no_json_hides_no_other() -> None:
    """Another rule speaks of it."""
    story = Story()
    story.start()
    story.asks(f"POST /api/v1/deployments/{GOOD.deployment_id}/status", sent=b"{")
    story.reports(GOOD, "installed")
    assert kept(story, "status.most-severe-state") == [True]


def test_report_without_components_lists_none() -> None:
    """Other rules speak of it."""
    story = Story()
    story.start()
    story.retrieves(story.publish(GOOD))
    story.reports(GOOD, "failed", components=[], error={"code": "c", "source": "s", "message": "m"})
    for rule in ("status.components-complete", "status.most-severe-state"):
        assert kept(story, rule) == []
    story.reports(GOOD, "installed")
    for rule in ("status.components-complete", "status.most-severe-state"):
        assert kept(story, rule) == [True]


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
    story.reports(NEWER, "installing", version=1)
    assert kept(story, "status.adopted-version-advances") == [True, True, True]


def test_version_need_not_advance_to_what_was_not_adopted() -> None:
    """It has to with what is adopted after that."""
    story = Story()
    story.start()
    story.adopts(GOOD)
    missed = story.publish(NEWER)
    story.retrieves(missed)
    story.reports(NEWER, "installed", version=1)
    story.deadline("adopted", missed, met=False)
    story.adopts(GOOD)
    assert kept(story, "status.adopted-version-advances") == [True, True]
