"""Judges of how an agent adopts a manifest: a story that keeps each rule, and the same one with a sin."""

import json
from dataclasses import replace
from random import Random

import pytest

from story import Story, Tales
from wos_conformance.suite.agent.wanted import Wanted

TALES = Tales()
RANDOM = Random(1)
GOOD, OTHER = Wanted.new(RANDOM), Wanted.new(RANDOM)
NEWER = GOOD.changed(RANDOM)
MANIFEST_TYPE = "application/vnd.margo.manifest.v1+json"


def revised(wanted: Wanted, revision: str) -> Wanted:
    """The same deployment with this revision of its first component."""
    application = json.loads(json.dumps(wanted.application))
    application["deploymentProfiles"][0]["components"][0]["properties"]["revision"] = revision
    return replace(wanted, application=application)


@TALES.of("desired-state.accept-sent")
def agent_polls(story: Story, sin: bool) -> None:
    """For any JSON."""
    story.start()
    story.polls(sending=f"Accept: {'application/json' if sin else MANIFEST_TYPE}\r\n")


@TALES.of("desired-state.conditional-poll")
def agent_polls_after_adoption(story: Story, sin: bool) -> None:
    """Without its tag."""
    story.start()
    publication = story.adopts(GOOD)
    story.polls(sending=f"If-None-Match: {publication.etag}\r\n")
    story.polls(sending="" if sin else f'If-None-Match: "old", {publication.etag}\r\n')


@TALES.of("desired-state.tag-only-when-adopted")
def manifest_was_refused(story: Story, sin: bool) -> None:
    """Its tag is held."""
    story.start()
    good = story.adopts(GOOD)
    bad = story.publish(OTHER, defect="tag-wrong")
    story.retrieves(bad)
    story.polls(sending=f"If-None-Match: {(bad if sin else good).etag}\r\n")


def published(requirement: str, note: str = "") -> None:
    """Something is published; the sins are that nothing runs, that an old revision does, and that too much does."""
    for running in ([], [GOOD], [NEWER, OTHER]):

        @TALES.of(requirement)
        def tell(story: Story, sin: bool, running: list[Wanted] = running) -> None:
            story.start()
            story.adopts(GOOD)
            story.adopts(NEWER, note=note, running=running if sin else [NEWER])


published("desired-state.converges")
published("desired-state.exact-version", "huge-version")
published("desired-state.size-advisory", "sizes-wrong")
published("desired-state.unknown-members-ignored", "unknown-members")


def unverified(requirement: str, defect: str, altered: Wanted) -> None:
    """Bytes are served that have another digest; the sin is to run what stands in them."""

    @TALES.of(requirement)
    def tell(story: Story, sin: bool) -> None:
        story.start()
        story.adopts(GOOD)
        publication = story.publish(NEWER, defect=defect)
        story.retrieves(publication)
        story.deadline("settled", publication)
        story.look(altered if sin else GOOD)


unverified("desired-state.document-verified", "document-digest-wrong", revised(NEWER, "9999.0.0"))
unverified("desired-state.document-verified", "one-digest-wrong", NEWER)
unverified("desired-state.document-verified", "all-digests-wrong", NEWER)
unverified("desired-state.bundle-verified", "all-digests-wrong", NEWER)


@TALES.of("desired-state.bundle-verified")
def bundle_is_another_one(story: Story, sin: bool) -> None:
    """Its members run."""
    story.start()
    story.adopts(GOOD)
    publication = story.publish(NEWER, defect="bundle-digest-wrong")
    story.retrieves(publication, bundle=True)
    story.deadline("settled", publication)
    story.look(NEWER if sin else GOOD)


@TALES.of("desired-state.not-found-keeps-running")
def artifacts_are_not_found(story: Story, sin: bool) -> None:
    """What ran is gone."""
    story.start()
    story.adopts(GOOD, OTHER)
    publication = story.publish(NEWER, OTHER, defect="artifacts-missing")
    story.retrieves(publication)
    story.deadline("settled", publication)
    story.look(*([OTHER] if sin else [GOOD, OTHER]))


def set_back(defect: str) -> None:
    """The WOS is set back after a power cut; the sin is to follow it."""

    @TALES.of("desired-state.version-survives-power-cut")
    def tell(story: Story, sin: bool) -> None:
        story.start()
        story.adopts(GOOD)
        story.control("cut")
        story.start()
        publication = story.publish(NEWER, defect=defect)
        story.retrieves(publication)
        story.deadline("settled", publication)
        story.look(NEWER if sin else GOOD)


set_back("version-lower")
set_back("version-equal")


@TALES.of("desired-state.workloads-survive-power-cut")
def power_returns(story: Story, sin: bool) -> None:
    """What ran does not."""
    story.start()
    story.adopts(GOOD, OTHER)
    story.control("cut")
    start = story.start()
    story.polls()
    story.deadline("recovered", start)
    story.look(*([GOOD] if sin else [GOOD, OTHER]))


@pytest.mark.parametrize("name", TALES)
def test_rule_is_judged(name: str) -> None:
    """Both ways."""
    TALES.assert_judged(name)
