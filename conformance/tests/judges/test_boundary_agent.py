"""Judges of the chapter boundary for an agent: a story that keeps each rule, and the same one with a sin."""

from random import Random

import pytest

from story import CAPABILITIES, DEVICE, Story, Tales
from wos_conformance.suite.agent.wanted import Wanted

TALES = Tales()
RANDOM = Random(1)
GOOD = Wanted.new(RANDOM)
SECRET = "a text of some length"
DECOY = "https://127.0.0.1:9"


def new() -> Wanted:
    """Another deployment."""
    return Wanted.new(RANDOM)


@TALES.of("boundary.other-device-not-run")
def for_another_device(story: Story, sin: bool) -> None:
    """It runs all the same."""
    other = new().for_other_device("elsewhere")
    story.start()
    story.adopts(GOOD, other, running=[GOOD, other] if sin else [GOOD])
    story.polls()


@TALES.of("boundary.unlisted-type-failed")
def of_a_type_that_is_not_offered(story: Story, sin: bool) -> None:
    """Nothing is said about it, or that it is installed."""
    chart = Wanted.new(RANDOM, kind="helm")
    hopeless = Wanted(chart.deployment_id, chart.application, hopeless="unlisted-type")
    story.start()
    publication = story.publish(hopeless)
    story.retrieves(publication)
    story.reports(hopeless, "installed" if sin else "failed")
    story.deadline("failed-reported", publication, met=not sin)


@TALES.of("boundary.offer-announced-unchanged")
def offer_is_announced(story: Story, sin: bool) -> None:
    """It tells of the whole memory instead."""
    other = {**CAPABILITIES, "properties": {**CAPABILITIES["properties"], "memory": "16Gi"}}
    story.start()
    story.announces(other if sin else None)
    story.polls()


@TALES.of("boundary.cluster-inside-unreported")
def report_about_a_deployment(story: Story, sin: bool) -> None:
    """It names a pod."""
    story.start()
    story.reports(GOOD, "installing", more={"detail": [{"podName": "x"}]} if sin else {"detail": [{"name": "x"}]})


@TALES.of("boundary.redirect-not-followed")
def redirect_to_a_decoy(story: Story, sin: bool) -> None:
    """Somebody dials there."""
    story.start()
    story.polls(302, f"Location: {DECOY}/api/v1/deployments\r\n")
    if sin:
        story.connects("decoy", "refused", failure=DECOY)
    story.polls()


@TALES.of("boundary.refusal-keeps-running")
def client_is_refused(story: Story, sin: bool) -> None:
    """It cleans up."""
    story.start()
    story.adopts(GOOD)
    story.polls(403)
    story.look(*([] if sin else [GOOD]))
    story.polls()


@TALES.of("boundary.no-return-to-older")
def update_and_trouble(story: Story, sin: bool) -> None:
    """The older revision runs again."""
    newer = GOOD.changed(RANDOM)
    story.start()
    story.adopts(GOOD)
    story.adopts(newer)
    story.polls(500)
    story.look(GOOD if sin else newer)


@TALES.of("boundary.key-stays")
def report_with_a_body(story: Story, sin: bool) -> None:
    """It held a part of the key, which the recorder struck out."""
    story.start()
    story.reports(GOOD, "installing", more={"note": "*" * 26} if sin else {"note": "* * *"})


@TALES.of("boundary.parameter-values-stay")
def parameter_with_a_telling_value(story: Story, sin: bool) -> None:
    """It comes back in an error."""
    told = GOOD.having({"rate": SECRET})
    story.start()
    story.adopts(told)
    error = {"code": "start-failed", "source": DEVICE, "message": f"rate={SECRET if sin else '…'}"}
    story.reports(told, "failed", error=error)


@pytest.mark.parametrize("name", TALES)
def test_rule_is_judged(name: str) -> None:
    """Both ways."""
    TALES.assert_judged(name)


def test_deployment_of_another_device_is_no_occasion_without_a_twin_that_runs() -> None:
    """An agent that adopts nothing has not kept the rule."""
    story = Story()
    story.start()
    story.adopts(GOOD, new().for_other_device("elsewhere"), running=[])
    story.polls()
    assert story.verdicts("boundary.other-device-not-run") == set()


def test_older_revision_that_was_wanted_again_is_no_return() -> None:
    """A newer version may bring it back."""
    story = Story()
    story.start()
    story.adopts(GOOD)
    story.adopts(GOOD.changed(RANDOM))
    story.adopts(GOOD)
    assert story.verdicts("boundary.no-return-to-older") == {True}
