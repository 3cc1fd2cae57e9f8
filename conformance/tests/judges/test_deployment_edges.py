"""Where the rules about deployments end: what is no occasion for them, and what is just one."""

from random import Random
from typing import Any

import msgspec
import pytest

from story import DECLARED, Story
from visits import Assigned, Visits
from wos_conformance.suite.agent.wanted import Wanted

RANDOM = Random(1)
GOOD = Wanted.new(RANDOM)
CHART = Wanted.new(RANDOM, kind="helm")
BROKEN = {"answer": "Content-Encoding: gzip", "content": b"no gzip"}


def kept(story: Any, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(f"deployment.{requirement}")]


def begun() -> Story:
    """An agent was started."""
    story = Story(["helm", "compose"])
    story.start()
    return story


def shows(wanted: list[Wanted], running: list[Wanted], **more: Any) -> Story:
    """Deployments are adopted, and these are seen to run."""
    story = begun()
    publication = story.publish(*wanted)
    story.retrieves(publication)
    story.deadline("adopted", publication)
    story.look(*running, **more)
    story.polls()
    return story


def test_parameters_are_asked_of_what_was_adopted() -> None:
    """By a look, and not when it must not be adopted."""
    story = begun()
    for defect in (None, "tag-wrong"):
        publication = story.publish(GOOD, defect=defect)
        story.retrieves(publication)
        story.look()
        story.deadline("adopted", publication)
        assert kept(story, "parameters-applied") == []
    story.look(GOOD.having({"rate": 8}))
    assert kept(story, "parameters-applied") == []


def test_parameters_are_asked_of_each_component_that_runs() -> None:
    """One that does not hides none, nor one of another revision, nor one without parameters."""
    bare, other = Wanted.new(RANDOM).with_parameters({}), Wanted.new(RANDOM)
    newer = GOOD.changed(RANDOM)
    for wanted in ([GOOD, other], [other, GOOD]):
        assert kept(shows(wanted, [other.having({"rate": 8})]), "parameters-applied") == [False]
    for rule in ("parameters-applied", "compose-environment-set"):
        assert kept(shows([bare], [bare]), rule) == []
        assert kept(shows([GOOD, other], [newer, other.having({"rate": 8})]), rule) == [False]


def test_values_are_asked_of_each_component_of_a_type() -> None:
    """One of the other type hides none, nor one that does not run."""
    wrong, other = GOOD.having({"rate": 8}), Wanted.new(RANDOM)
    assert kept(shows([CHART, other, GOOD], [CHART, wrong]), "compose-environment-set") == [False]


def test_chart_is_looked_for_in_its_namespace() -> None:
    """Nobody looks for anything else there."""
    assert kept(shows([GOOD, CHART], [GOOD, CHART], namespace="x"), "helm-namespace-used") == [False]
    assert kept(shows([CHART], [CHART.changed(RANDOM)], namespace="x"), "helm-namespace-used") == []


def test_deployment_that_ran_before_hides_no_other() -> None:
    """It may run on in its old revision."""
    odd = [Wanted.new(RANDOM), Wanted.new(RANDOM)]
    first, second = sorted(odd, key=lambda wanted: wanted.deployment_id)
    story = begun()
    story.adopts(GOOD, first)
    hopeless = [wanted.only_where("line", 3, holds=False) for wanted in (first, second)]
    story.adopts(GOOD, *hopeless, running=[GOOD, *hopeless])
    assert kept(story, "ineligible-not-run") == [False]


def test_report_about_nothing_that_was_published_hides_no_other() -> None:
    """Its order is nobody's."""
    wanted = Wanted.new(RANDOM, 2)
    names = [part["name"] for part in wanted.application["deploymentProfiles"][0]["components"]]
    story = begun()
    story.publish(wanted)
    for version in (7, 1):
        states = [{"name": name, "state": "installing"} for name in names]
        story.reports(wanted, "installing", version, components=states)
    assert kept(story, "compose-in-order") == [False]


def impatient(timeout: Any, interval: float = 1.0) -> tuple[Story, Wanted]:
    """A component with a timeout is being installed by an agent with this interval."""
    wanted = GOOD.impatient(timeout)
    story = begun()
    story.events[0] = msgspec.structs.replace(story.events[0], declared=DECLARED | {"poll_interval": interval})
    story.retrieves(story.publish(wanted))
    story.reports(wanted, "installing")
    return story, wanted


@pytest.mark.parametrize(
    ("timeout", "interval", "bound"),
    [("1m", 1.0, 65.0), ("30s", 1.0, 35.0), ("1m30s", 1.0, 95.0), ("5s", 4.0, 19.0)],
)
def test_component_fails_after_its_timeout(timeout: str, interval: float, bound: float) -> None:
    """Three intervals and one timeout of a request may be added."""
    for late in (-0.3, 0.3):
        story, wanted = impatient(timeout, interval)
        story.waits(bound - 0.1 + late)
        story.reports(wanted, "failed")
        assert kept(story, "compose-timeout-fails") == [late < 0]


@pytest.mark.parametrize("timeout", ["", 5])
def test_component_without_a_timeout_takes_its_time(timeout: object) -> None:
    """As long as it is none that can be read."""
    story, wanted = impatient(timeout)
    story.waits(600.0)
    story.reports(wanted, "failed")
    assert kept(story, "compose-timeout-fails") == []


@pytest.mark.parametrize(
    ("state", "early", "verdicts"), [("installing", 0.3, []), ("installing", -0.3, [False]), ("installed", -0.3, [])]
)
def test_component_that_is_never_ready_is_waited_for(state: str, early: float, verdicts: list[bool]) -> None:
    """Until its bound, unless it was installed once."""
    story, wanted = impatient("5s")
    story.reports(wanted, state)
    story.waits(10.0 - 0.2 - early)
    story.polls()
    assert kept(story, "compose-timeout-fails") == verdicts
    story.waits(5.0)
    story.reports(wanted, "failed")
    assert kept(story, "compose-timeout-fails") == ([] if state == "installed" else [False])


def test_component_that_never_began_is_not_waited_for() -> None:
    """Nor one of an agent that was stopped before its bound."""
    story, wanted = impatient("5s")
    story.control("stop")
    story.waits(5.0)
    story.start()
    story.waits(10.0)
    story.reports(wanted, "failed")
    assert kept(story, "compose-timeout-fails") == []
    story = begun()
    story.publish(wanted)
    story.reports(wanted, "failed")
    assert kept(story, "compose-timeout-fails") == []


def test_manifest_that_cannot_be_read_hides_no_other() -> None:
    """The next one has to name what was updated, and to leave the others alone."""
    story, wanted, other = Visits(), Assigned(), Assigned()
    story.assign(wanted, other)
    story.serves(2, wanted, other)
    story.update(wanted)
    story.serves(3, **BROKEN)
    other.values = {"rate": 1}
    story.serves(3, other)
    assert kept(story, "update-keeps-id") == [False]


def test_deployment_that_was_not_changed_keeps_its_digest() -> None:
    """A manifest that cannot be read, or follows no change, hides nothing; nor does what was changed."""
    story, wanted, other = Visits(), Assigned(), Assigned()
    story.assign(wanted, other)
    story.serves(2, wanted, other)
    story.serves(2, **BROKEN)
    story.serves(2, wanted, other)
    story.update(wanted)
    story.update(other)
    other.values = {"rate": 1}
    story.serves(3, wanted, other)
    assert kept(story, "other-deployments-untouched") == []
    story.update(wanted)
    other.values = {"rate": 2}
    story.serves(4, wanted, other)
    assert kept(story, "other-deployments-untouched") == [False]
