"""Judges of the chapter status for an agent: a story that keeps each rule, and the same one with a sin."""

from random import Random

import pytest

from story import Story, Tales
from wos_conformance.suite.agent.wanted import Wanted

TALES = Tales()
RANDOM = Random(1)
GOOD = Wanted.new(RANDOM)
ERROR = {"code": "start-failed", "source": "mixer", "message": "ended with 1"}


@TALES.of("status.failed-stays")
def installation_fails(story: Story, sin: bool) -> None:
    """It is tried again."""
    story.start()
    story.adopts(GOOD)
    story.reports(GOOD, "failed", error=ERROR)
    story.polls()
    if sin:
        story.reports(GOOD, "installing")


@TALES.of("status.failure-explained")
def failure_has_an_error(story: Story, sin: bool) -> None:
    """It has an empty one."""
    story.start()
    story.reports(GOOD, "failed", error={**ERROR, "message": ""} if sin else ERROR)


@TALES.of("status.error-source")
def component_has_an_error(story: Story, sin: bool) -> None:
    """It names something else."""
    name = GOOD.application["deploymentProfiles"][0]["components"][0]["name"]
    error = {**ERROR, "source": "somewhere" if sin else name}
    story.start()
    story.reports(GOOD, "failed", error=ERROR, components=[{"name": name, "state": "failed", "error": error}])


def unobtainable(defect: str, code: str, requirement: str) -> None:
    """A change cannot be obtained; the sin is to give another code."""

    @TALES.of(requirement)
    def tell(story: Story, sin: bool) -> None:
        story.start()
        story.adopts(GOOD)
        publication = story.publish(GOOD.changed(RANDOM), defect=defect)
        story.retrieves(publication)
        story.reports(GOOD, "failed", error={**ERROR, "code": "other" if sin else code}, components=[])
        story.deadline("failed-reported", publication, met=True)


unobtainable("all-digests-wrong", "verification-failed", "status.unverified-reported")
unobtainable("artifacts-missing", "retrieval-failed", "status.unretrieved-reported")


@TALES.of("status.adopted-version")
def version_is_used_again(story: Story, sin: bool) -> None:
    """A report comes under a version before anything was published under it, and later something lower is."""
    story.start()
    story.adopts(GOOD)
    unverified = story.publish(GOOD.changed(RANDOM), defect="all-digests-wrong")
    if not sin:
        story.retrieves(unverified)
    story.reports(GOOD, "failed", error=ERROR, components=[])
    story.adopts(GOOD)
    story.publish(GOOD, defect="version-lower")


@TALES.of("status.removed-reported")
def one_is_gone_before_it_leaves(story: Story, sin: bool) -> None:
    """What else leaves is not reported; what was reported as removed need not be so twice."""
    early, late = Wanted.new(RANDOM), Wanted.new(RANDOM)
    story.start()
    story.adopts(GOOD, early, late)
    story.reports(early, "removed")
    publication = story.publish(GOOD)
    story.retrieves(publication)
    if not sin:
        story.reports(late, "removed")
    story.deadline("removed-reported", publication, met=not sin)


@TALES.of("status.one-at-a-time")
def answers_come_late(story: Story, sin: bool) -> None:
    """The next report does not wait."""
    story.start()
    story.reports(GOOD, "installing", took=2.0)
    if sin:
        story.waits(-1.5)
    story.reports(GOOD, "installed")


@TALES.of("status.survives-power-cut")
def power_is_cut_before_a_report_is_taken(story: Story, sin: bool) -> None:
    """It is forgotten."""
    story.start()
    story.reports(GOOD, "installing", status=503)
    story.control("cut")
    story.start()
    if not sin:
        story.reports(GOOD, "installing")
    story.waits(30.0)
    story.polls()
    story.polls()


@pytest.mark.parametrize("status", [200, 204, 302, 400, 404, 422])
def test_report_that_has_left_the_outbox_needs_not_survive(status: int) -> None:
    """It was taken, or refused so that the agent drops it."""
    story = Story()
    story.start()
    story.reports(GOOD, "installing", status=status)
    story.control("cut")
    story.start()
    story.waits(30.0)
    story.polls()
    assert story.verdicts("status.survives-power-cut") == set()


@pytest.mark.parametrize("name", TALES)
def test_rule_is_judged(name: str) -> None:
    """Both ways."""
    TALES.assert_judged(name)


@pytest.mark.parametrize("anew", ["start", "changed", "gone"])
def test_failed_deployment_may_be_wanted_anew(anew: str) -> None:
    """By a start, another digest, or its absence in between."""
    story = Story()
    story.start()
    story.adopts(GOOD)
    story.reports(GOOD, "failed", error=ERROR)
    if anew == "start":
        story.start()
    elif anew == "changed":
        story.retrieves(story.publish(GOOD.changed(RANDOM)))
    else:
        story.retrieves(story.publish())
    story.reports(GOOD, "installing")
    story.polls()
    assert False not in story.verdicts("status.failed-stays")


def test_what_could_not_be_retrieved_is_tried_on() -> None:
    """Its `failed` does not stay."""
    story = Story()
    story.start()
    story.adopts(GOOD)
    story.reports(GOOD, "failed", error={**ERROR, "code": "retrieval-failed"})
    story.reports(GOOD, "installing")
    assert story.verdicts("status.failed-stays") == set()


def test_order_of_states_is_that_of_the_specification() -> None:
    """A first report may be `failed`; `removed` never follows `installed`."""
    story = Story()
    story.start()
    story.reports(GOOD, "failed", error=ERROR)
    assert story.verdicts("status.legal-order") == {True}
    story.reports(GOOD, "removed")
    assert False in story.verdicts("status.legal-order")
