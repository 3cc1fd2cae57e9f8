"""Judges of Helm and Compose for an agent: a story that keeps each rule, and the same one with a sin."""

from random import Random

import pytest

from story import Story, Tales
from wos_conformance.suite.agent.wanted import Wanted

TALES = Tales("helm", "compose")
RANDOM = Random(1)


def tell(kind: str, values: str) -> None:
    """The stories of one type of components."""

    @TALES.of(f"deployment.{kind}-{values}")
    def parameter_has_a_value(story: Story, sin: bool) -> None:
        """The component shows another one."""
        wanted = Wanted.new(RANDOM, kind=kind).having({"rate": 7})
        story.start()
        story.adopts(wanted, running=[wanted.having({"rate": 8})] if sin else [wanted])
        story.polls()

    @TALES.of(f"deployment.{kind}-in-order")
    def two_components(story: Story, sin: bool) -> None:
        """The second one does not wait."""
        wanted = Wanted.new(RANDOM, 2, kind)
        first, second = (part["name"] for part in wanted.application["deploymentProfiles"][0]["components"])
        story.start()
        story.retrieves(story.publish(wanted))
        states = [{"name": first, "state": "installing"}, {"name": second, "state": "installing" if sin else "pending"}]
        story.reports(wanted, "installing", components=states)

    @TALES.of(f"deployment.{kind}-timeout-fails")
    def component_is_never_ready(story: Story, sin: bool) -> None:
        """It is tried for ever."""
        wanted = Wanted.new(RANDOM, 1, kind).impatient("0m5s")
        story.start()
        story.retrieves(story.publish(wanted))
        story.reports(wanted, "installing")
        story.waits(30.0 if sin else 6.0)
        story.reports(wanted, "failed")


tell("helm", "values-set")
tell("compose", "environment-set")


@pytest.mark.parametrize("name", TALES)
def test_rule_is_judged(name: str) -> None:
    """Both ways."""
    TALES.assert_judged(name)
