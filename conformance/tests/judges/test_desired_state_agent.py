"""Judges of the chapter desired-state for an agent: a story that keeps each rule, and the same one with a sin."""

from random import Random

import pytest

from story import Story, Tales
from wos_conformance.drive.defect import DEFECTS
from wos_conformance.judges.desired_state.refusal import INVALID, MISSHAPEN, UNOBTAINABLE
from wos_conformance.suite.agent.wanted import Wanted

TALES, CODED = Tales(), Tales("content-encoding")
RANDOM = Random(1)
GOOD, OTHER = Wanted.new(RANDOM), Wanted.new(RANDOM)
REFUSED = {
    "tag-wrong": "desired-state.manifest-verified",
    "algorithm-unknown": "desired-state.algorithm-known",
    "version-lower": "desired-state.lower-version-refused",
    "version-equal": "desired-state.equal-version-refused",
    "version-too-large": "desired-state.invalid-manifest-refused",
    "digest-short": "desired-state.invalid-manifest-refused",
    "deployment-twice": "desired-state.deployment-twice-refused",
    "deployment-twice-otherwise": "desired-state.deployment-twice-refused",
    "document-id-wrong": "desired-state.document-id-refused",
    "one-digest-wrong": "desired-state.failure-keeps-running",
}


def refused(defect: str, requirement: str) -> None:
    """A manifest with this defect is served after a good one; the sin is to run it."""

    @TALES.of(requirement)
    def tell(story: Story, sin: bool) -> None:
        story.start()
        story.adopts(GOOD)
        publication = story.publish(GOOD.changed(RANDOM), OTHER, defect=defect)
        story.retrieves(publication, bundle=True)
        story.polls()
        story.polls()
        story.deadline("settled", publication)
        story.look(*([GOOD, OTHER] if sin else [GOOD]))


for _defect, _requirement in REFUSED.items():
    refused(_defect, _requirement)
refused("bundle-swollen", "desired-state.swollen-bundle-survived")
refused("bundle-symbolic-link", "desired-state.bundle-form-refused")
refused("bundle-duplicate", "desired-state.bundle-form-refused")


@TALES.of("desired-state.failure-stays-alone")
def one_cannot_be_installed(story: Story, sin: bool) -> None:
    """The other one is not installed either."""
    story.start()
    story.adopts(GOOD, OTHER.unobtainable(), running=[] if sin else [GOOD])


@TALES.of("desired-state.same-manifest-unchanged")
def manifest_is_served_again_in_full(story: Story, sin: bool) -> None:
    """What runs is installed anew, under another revision."""
    story.start()
    publication = story.adopts(GOOD)
    story.retrieves(publication, answered="unconditional")
    story.look(GOOD.changed(Random(2)) if sin else GOOD)
    story.polls()


@TALES.of("desired-state.least-sizes-taken")
def manifest_is_large(story: Story, sin: bool) -> None:
    """Its tag never comes back."""
    story.start()
    publication = story.publish(GOOD.padded(65536), note="least-sizes")
    story.retrieves(publication)
    story.polls(200 if sin else 304, sending="" if sin else f"If-None-Match: {publication.etag}\r\n")
    story.deadline("adopted", publication, met=not sin)


@TALES.of("desired-state.foreign-url-not-called")
def manifest_names_another_authority(story: Story, sin: bool) -> None:
    """Somebody dials there."""
    decoy = "https://127.0.0.1:9"
    story.start()
    story.adopts(GOOD)
    publication = story.publish(GOOD, OTHER, defect="foreign-url", authority=decoy)
    story.retrieves(publication)
    if sin:
        story.connects("decoy", "refused", failure=decoy)
    story.polls()
    story.deadline("settled", publication)


@TALES.of("desired-state.version-refusal-reported")
def wos_was_set_back(story: Story, sin: bool) -> None:
    """Only one of two deployments is reported."""
    story.start()
    story.adopts(GOOD, OTHER)
    publication = story.publish(GOOD, defect="version-lower")
    story.retrieves(publication)
    story.reports(GOOD, "installed", version=1)
    if not sin:
        story.reports(OTHER, "installed", version=1)
    story.deadline("stand-reported", publication, met=not sin)


@TALES.of("extensions.unknown-ignored")
def document_has_extensions(story: Story, sin: bool) -> None:
    """The deployment does not run."""
    strange = OTHER.extended(RANDOM)
    story.start()
    story.adopts(GOOD, strange, note="extensions", running=[GOOD] if sin else [GOOD, strange])


@CODED.of("desired-state.coding-undone")
def bodies_come_in_gzip(story: Story, sin: bool) -> None:
    """Nothing runs."""
    story.start()
    publication = story.publish(GOOD, note="coded")
    story.polls(200, f"ETag: {publication.etag}\r\nContent-Encoding: gzip\r\n")
    story.deadline("adopted", publication, met=not sin)
    story.look(*([] if sin else [GOOD]))


@pytest.mark.parametrize("name", TALES)
def test_rule_is_judged(name: str) -> None:
    """Both ways."""
    TALES.assert_judged(name)


@pytest.mark.parametrize("name", CODED)
def test_rule_of_codings_is_judged(name: str) -> None:
    """Both ways."""
    CODED.assert_judged(name)


@pytest.mark.parametrize("defect", [*INVALID, *MISSHAPEN, *UNOBTAINABLE])
def test_judges_speak_of_defects_that_the_double_has(defect: str) -> None:
    """A misspelt one would never be an occasion."""
    assert defect in DEFECTS


def test_bundle_that_was_never_fetched_is_no_occasion() -> None:
    """An agent that prefers documents has not shown what it does with a bundle."""
    story = Story()
    story.start()
    story.adopts(GOOD)
    publication = story.publish(GOOD, OTHER, defect="bundle-surplus")
    story.retrieves(publication)
    story.polls()
    story.deadline("settled", publication)
    story.look(GOOD)
    assert story.verdicts("desired-state.bundle-form-refused") == set()
    assert story.verdicts("desired-state.swollen-bundle-survived") == set()


def test_bundle_that_was_taken_wrongly_before_breaks_no_other_rule() -> None:
    """What a swollen bundle must not change is what ran before it."""
    story = Story()
    story.start()
    story.adopts(GOOD)
    story.look(GOOD, OTHER)
    publication = story.publish(GOOD, defect="bundle-swollen")
    story.retrieves(publication, bundle=True)
    story.polls()
    story.deadline("settled", publication)
    story.look(GOOD, OTHER)
    assert story.verdicts("desired-state.swollen-bundle-survived") == {True}


def test_deployment_that_cannot_run_is_no_matter_of_convergence() -> None:
    """Other rules speak of it."""
    story = Story()
    story.start()
    story.adopts(GOOD, OTHER.unobtainable(), running=[GOOD])
    assert story.verdicts("desired-state.converges") == set()
    assert story.verdicts("status.installed-reported") == set()
