"""Judges of the chapter onboarding for an agent: a story that keeps each rule, and the same one with a sin."""

from random import Random

import pytest

from story import STATE, Story, Tales
from told import CLIENT
from wos_conformance.suite.agent.wanted import Wanted

TALES = Tales()
RANDOM = Random(1)
OLD, NEW = Wanted.new(RANDOM), Wanted.new(RANDOM)
NEXT = CLIENT.replace("/one", "/two")


def moved(story: Story, *running: Wanted) -> None:
    """Something is adopted, the device is released and started again with another identity."""
    story.start()
    story.adopts(OLD)
    story.control("release", state=STATE)
    story.look(*running)
    story.start("two")


@TALES.of("onboarding.release-forgets")
def device_moves(story: Story, sin: bool) -> None:
    """The tag of the former WOS is told to the next one."""
    moved(story, OLD)
    story.polls(503, sending='If-None-Match: "sha256:0"\r\n' if sin else "", client=NEXT)


@TALES.of("onboarding.release-forgets")
def device_had_something_to_report(story: Story, sin: bool) -> None:
    """It is told to the next WOS."""
    moved(story, OLD)
    story.reports(OLD if sin else NEW, "installing", client=NEXT)


@TALES.of("onboarding.release-forgets")
def next_wos_begins_with_a_low_version(story: Story, sin: bool) -> None:
    """It is refused."""
    moved(story, OLD)
    story.version = 0
    publication = story.publish(NEW, client=NEXT)
    story.retrieves(publication)
    story.polls(client=NEXT) if sin else story.reports(NEW, "installing", client=NEXT)


@TALES.of("onboarding.release-keeps-running")
def workloads_are_looked_at(story: Story, sin: bool) -> None:
    """They are gone."""
    moved(story, *([] if sin else [OLD]))
    story.polls(503, client=NEXT)


@pytest.mark.parametrize("name", TALES)
def test_rule_is_judged(name: str) -> None:
    """Both ways."""
    TALES.assert_judged(name)
