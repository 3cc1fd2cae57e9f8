"""Judges of the chapter errors for an agent: a story that keeps each rule, and the same one with a sin."""

from random import Random

import pytest

from story import Story, Tales
from wos_conformance.suite.agent.wanted import Wanted

TALES = Tales()
RANDOM = Random(1)
GOOD, OTHER = Wanted.new(RANDOM), Wanted.new(RANDOM)


@TALES.of("errors.keeps-running")
def announcement_is_refused(story: Story, sin: bool) -> None:
    """What runs is stopped."""
    story.start()
    story.adopts(GOOD)
    story.announces(status=403)
    story.look(*([] if sin else [GOOD]))
    story.polls()


@TALES.of("errors.keeps-running")
def report_about_something_new_is_refused(story: Story, sin: bool) -> None:
    """What ran before is stopped."""
    story.start()
    story.adopts(GOOD)
    story.retrieves(story.publish(GOOD, OTHER))
    story.reports(OTHER, "installing", status=422)
    story.look(*([OTHER] if sin else [GOOD, OTHER]))
    story.polls()


@TALES.of("errors.permanent-not-repeated")
def report_is_refused_for_good(story: Story, sin: bool) -> None:
    """The same one comes again."""
    story.start()
    story.adopts(GOOD)
    story.reports(GOOD, "failed", status=422)
    story.reports(GOOD, "failed" if sin else "installing")
    story.polls()


@pytest.mark.parametrize("name", TALES)
def test_rule_is_judged(name: str) -> None:
    """Both ways."""
    TALES.assert_judged(name)


def test_refused_body_may_come_again_after_a_start() -> None:
    """Or another manifest."""
    story = Story()
    story.start()
    story.announces(status=422)
    story.polls()
    story.control("stop")
    story.start()
    story.announces(status=422)
    story.polls()
    assert story.verdicts("errors.permanent-not-repeated") == {True}


def test_refusal_that_may_have_got_lost_binds_nobody() -> None:
    """What was not heard is sent again."""
    story = Story()
    story.start()
    story.breaks(story.announces(status=422))
    story.announces(connection="another")
    story.polls(connection="another")
    assert story.verdicts("errors.permanent-not-repeated") == set()
