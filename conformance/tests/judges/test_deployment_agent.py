"""Judges of the chapter deployment for an agent: a story that keeps each rule, and the same one with a sin."""

from random import Random

import pytest

from story import Story, Tales
from wos_conformance.judges.device import same_parameters
from wos_conformance.suite.agent.wanted import SPELLINGS, Wanted

TALES = Tales()
RANDOM = Random(1)
GOOD = Wanted.new(RANDOM)


@TALES.of("deployment.ambiguous-yaml-refused")
def document_with_an_alias(story: Story, sin: bool) -> None:
    """It runs."""
    odd = Wanted.new(RANDOM).spelled("alias")
    story.start()
    story.adopts(GOOD, odd, running=[GOOD, odd] if sin else [GOOD])
    story.polls()


@TALES.of("deployment.ineligible-not-run")
def constraint_does_not_hold(story: Story, sin: bool) -> None:
    """It runs."""
    odd = Wanted.new(RANDOM).only_where("line", 3, holds=False)
    story.start()
    story.adopts(GOOD, odd, running=[GOOD, odd] if sin else [GOOD])
    story.polls()


@TALES.of("deployment.parameters-applied")
def parameter_has_a_value(story: Story, sin: bool) -> None:
    """The component shows another one."""
    wanted = GOOD.having({"rate": 7})
    story.start()
    story.adopts(wanted, running=[GOOD.having({"rate": 8})] if sin else [wanted])


@pytest.mark.parametrize("name", TALES)
def test_rule_is_judged(name: str) -> None:
    """Both ways."""
    TALES.assert_judged(name)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_odd_spelling_changes_the_text(spelling: str) -> None:
    """And nothing that a reader who does not mind would see."""
    assert GOOD.spelled(spelling).document("d") != GOOD.document("d")


@pytest.mark.parametrize(
    ("value", "shown", "same"),
    [
        (0.5, "0.5", True),
        (False, "false", True),
        (["a", 1], "a,1", True),
        ({"a": "ä"}, '{"a": "ä"}', True),
        ("on", "on", True),
        ("on", True, False),
        (1, True, False),
        (2**53 + 1, 2**53, False),
    ],
)
def test_text_form_of_a_value_is_that_value(value: object, shown: object, same: bool) -> None:
    """And no other one is."""
    assert same_parameters({"A": value}, {"A": shown}) is same
