"""Where the rules about the desired state end: what is no occasion for them, and what is just one."""

import gzip
from random import Random
from typing import Any

import pytest

from story import Story
from visits import ONE, TWO, Assigned, Visits, capabilities, problem, text
from wos_conformance.drive.defect import offer
from wos_conformance.suite.agent.wanted import Wanted

RANDOM = Random(1)
GOOD, OTHER = Wanted.new(RANDOM), Wanted.new(RANDOM)
NEWER = GOOD.changed(RANDOM)
EMPTY = offer(1, {}).manifest
CODED = {"answer": "Content-Encoding: gzip", "content": gzip.compress(EMPTY)}


def kept(story: Any, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(f"desired-state.{requirement}")]


@pytest.mark.parametrize("rule", ["converges", "failure-stays-alone", "least-sizes-taken", "same-manifest-unchanged"])
def test_manifest_that_must_not_be_adopted_is_no_matter_of_adoption(rule: str) -> None:
    """However it is called, and whatever runs."""
    story = Story()
    story.start()
    bad = story.publish(GOOD.unobtainable(), OTHER, defect="tag-wrong", note="least-sizes")
    story.deadline("adopted", bad, met=False)
    story.look()
    assert kept(story, rule) == []


def test_adoption_needs_a_look_and_no_excuse() -> None:
    """Without one nothing is said; while the WOS is away only what is right counts."""
    story = Story()
    story.start()
    publication = story.publish(GOOD)
    with story.fault("away", "connection"):
        story.deadline("adopted", publication, met=False)
    assert kept(story, "converges") == []
    story.look()
    assert kept(story, "converges") == []
    story.retrieves(publication)
    story.look(GOOD)
    story.deadline("adopted", publication)
    story.look(GOOD)
    assert kept(story, "converges") == [True]


def test_tag_is_held_after_adoption_and_until_the_next_publication() -> None:
    """Neither before nor after that, nor when it was not adopted in time."""
    story = Story()
    story.start()
    first = story.publish(GOOD)
    story.retrieves(first)
    story.deadline("adopted", first, met=False)
    story.polls()
    assert kept(story, "conditional-poll") == []
    second = story.adopts(NEWER)
    story.polls(sending=f"If-None-Match: {second.etag}\r\n")
    story.publish(OTHER)
    story.polls()
    assert kept(story, "conditional-poll") == [True]


def test_refused_tag_that_is_good_elsewhere_may_come_back() -> None:
    """The same manifest was adopted under it; before it is retrieved nothing is said."""
    story = Story()
    story.start()
    story.adopts(GOOD)
    story.publish(OTHER, defect="tag-wrong")
    story.polls()
    assert kept(story, "tag-only-when-adopted") == []


@pytest.mark.parametrize("seconds", [299.5, 300.5])
def test_superseded_document_lives_for_five_minutes(seconds: float) -> None:
    """And not longer."""
    story, old = Visits(), Assigned()
    story.serves(2, old)
    story.serves(3)
    story.waits(seconds)
    story.fetches(old, status=404)
    assert kept(story, "superseded-served") == ([False] if seconds < 300 else [])


def test_held_document_may_be_superseded_too() -> None:
    """It has not changed, and is not modified."""
    story, old = Visits(), Assigned()
    story.serves(2, old)
    story.serves(3)
    for status, headers in ((304, ['If-None-Match: "x"']), (200, ['If-None-Match: "x"']), (304, []), (305, [])):
        story.fetches(old, status=status, headers=headers)
    assert kept(story, "superseded-served") == [True, True, False, False]


def test_artifact_is_no_longer_current_after_a_change() -> None:
    """Until the next manifest nobody knows what is; an unknown one is asked of whoever has a manifest or none."""
    story, wanted, strange = Visits(), Assigned(), Assigned()
    story.fetches(strange, problem("deployment-not-found"), status=404)
    story.assign(wanted)
    story.serves(2, wanted)
    story.update(wanted)
    story.fetches(wanted, status=404)
    assert kept(story, "document-served") == []
    assert kept(story, "document-unknown-404") == [True]


def test_tags_count_as_long_as_nothing_changes() -> None:
    """After a change any of 200 and 304 may be right; a poll without a tag says nothing."""
    story, wanted = Visits(), Assigned()
    tag = story.serves(1)
    story.polls(404, f"If-None-Match: {tag}")
    story.serves(1)
    story.assign(wanted)
    story.polls(304, f"If-None-Match: {tag}")
    story.serves(2, wanted, headers=[f"If-None-Match: {tag}"])
    assert kept(story, "not-modified") == []
    assert kept(story, "modified-served") == []


def test_tag_in_304_is_the_one_of_the_manifest_or_any_strong_one() -> None:
    """As far as it is known."""
    story = Visits()
    for tag in ('"any"', 'W/"any"'):
        story.polls(304, 'If-None-Match: "any"', answer=f"ETag: {tag}")
    tag = story.serves(1)
    for found in (tag, '"any"'):
        story.polls(304, f"If-None-Match: {tag}", answer=f"ETag: {found}")
    assert kept(story, "not-modified-tag") == [True, False, True, False]


def test_first_version_is_for_those_who_were_never_touched() -> None:
    """Nor is it asked for before the admission, nor of another client."""
    story, wanted = Visits(), Assigned()
    story.serves(7)
    story.admit()
    story.admit(TWO)
    story.assign(wanted)
    story.serves(2, wanted)
    story.serves(1, client=TWO)
    assert kept(story, "first-version") == [True]


def test_assignment_after_the_first_manifest_does_not_excuse_it() -> None:
    """Nor does one to somebody else."""
    story, wanted = Visits(), Assigned()
    story.admit()
    story.assign(wanted, client=TWO)
    story.serves(7)
    story.assign(wanted)
    assert kept(story, "first-version") == [False]


@pytest.mark.parametrize(
    ("status", "version", "verdicts"),
    [(201, 2, [False]), (200, 2, [False]), (422, 2, []), (201, 1, []), (201, 2**64 - 2, [False])],
)
def test_version_has_to_pass_what_was_reported(status: int, version: int, verdicts: list[bool]) -> None:
    """In a report that was accepted and is ahead."""
    story, wanted, more = Visits(), Assigned(), Assigned()
    story.assign(wanted)
    story.serves(1, wanted)
    story.reports(wanted, b"{" if version < 2 else wanted.report(version), status)
    story.assign(more)
    story.serves(2, wanted, more)
    assert kept(story, "version-above-reported") == verdicts


def test_what_level_0_cannot_know_is_not_held_against_a_wos() -> None:
    """Somebody may have changed the desired state unseen."""
    story = Visits()
    story.serves(2, Assigned())
    story.serves(3)
    story.events[0] = story.events[0].__class__(**{**_members(story.events[0]), "level": 0})
    assert kept(story, "version-only-on-change") == []


def _members(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_coding_is_a_matter_of_served_bodies() -> None:
    """Without a coding, or with an answer that broke off, there is nothing to vary."""
    story = Visits(["content-encoding"])
    story.serves(1, headers=["Accept-Encoding: gzip"])
    story.serves(1, headers=["Accept-Encoding: gzip"], failure="reset", **CODED)
    story.polls(404, "Accept-Encoding: gzip")
    assert kept(story, "vary-sent") == []
    assert kept(story, "coding-tag-unchanged") == []
    assert kept(story, "gzip-offered") == [False]


def test_tag_of_a_coded_body_must_be_strong_and_that_of_the_plain_one() -> None:
    """Two weak ones are no better."""
    story = Visits(["content-encoding"])
    weak = f"W/{offer(1, {}).etag}"
    story.serves(1, tag=weak)
    story.serves(1, headers=["Accept-Encoding: gzip"], tag=weak, **CODED)
    assert kept(story, "coding-tag-unchanged") == [False]


def test_bundle_that_no_manifest_names_is_compared_with_nothing() -> None:
    """Nor is one of somebody else."""
    story, wanted = Visits(), Assigned()
    story.serves(1)
    story.serves(2, wanted, client=TWO)
    story.fetches_bundle(wanted, client=ONE)
    assert kept(story, "bundle-exact-set") == []
    assert kept(story, "bundle-member-names") == []


def test_gateway_is_asked_about_children_alone() -> None:
    """Two devices side by side are none."""
    story, one, two = Visits(["gateway"]), Assigned("gw"), Assigned("gw-2")
    story.announces("gw", document=capabilities("gw"))
    story.assign(one, two)
    story.serves(2, one)
    assert kept(story, "one-manifest-for-children") == []


def test_stand_is_told_of_what_was_adopted() -> None:
    """Not when nothing was, and not before the older manifest was served."""
    story = Story()
    story.start()
    story.version = 5
    lower = story.publish(GOOD, defect="version-lower")
    story.deadline("stand-reported", lower, met=False)
    story.retrieves(lower)
    story.deadline("stand-reported", lower, met=False)
    assert kept(story, "version-refusal-reported") == []


@pytest.mark.parametrize("content", [b"{", b"[]"])
def test_document_that_cannot_be_read_has_no_id(content: bytes) -> None:
    """Another rule speaks of it."""
    story, wanted = Visits(), Assigned()
    story.fetches(wanted, content)
    story.fetches(wanted, text(wanted.document))
    assert kept(story, "document-id") == [True]


def test_power_cut_between_two_publications_counts() -> None:
    """One before the good one, or after the bad one, does not."""
    story = Story()
    story.start()
    story.control("cut")
    story.start()
    story.adopts(GOOD)
    lower = story.publish(NEWER, defect="version-lower")
    story.retrieves(lower)
    story.deadline("settled", lower)
    story.look(NEWER)
    story.control("cut")
    story.start()
    assert kept(story, "version-survives-power-cut") == []


def test_recovery_is_judged_after_a_poll() -> None:
    """An agent that was not seen to live, or had adopted nothing, has not shown what survives."""
    story = Story()
    story.start()
    story.publish(GOOD)
    for _ in range(2):
        story.control("cut")
        start = story.start()
        story.deadline("recovered", start)
        story.look()
        story.polls()
        story.adopts(GOOD)
    assert kept(story, "workloads-survive-power-cut") == []
