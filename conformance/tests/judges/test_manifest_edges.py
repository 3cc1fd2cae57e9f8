"""Where the rules about a manifest that a WOS serves end: its versions, its tags, and what a client asks for."""

import gzip
import json
from typing import Any

from visits import Assigned, Visits
from wos_conformance.drive.defect import offer

EMPTY = offer(1, {})
CODED = {"answer": "Content-Encoding: gzip", "content": gzip.compress(EMPTY.manifest)}
BROKEN = {"answer": "Content-Encoding: gzip", "content": b"no gzip"}
"""An answer that says it is in gzip, and is not."""


def kept(story: Visits, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(f"desired-state.{requirement}")]


def test_manifest_that_cannot_be_read_hides_no_other() -> None:
    """What is no JSON, or no gzip, is a matter of other rules."""
    story, wanted, other = Visits(), Assigned(), Assigned()
    story.serves(1, **BROKEN)
    story.serves(1, content=b"{")
    story.assign(wanted)
    story.serves(2, other)
    assert kept(story, "manifest-valid") == [False, False, True]
    assert kept(story, "etag-is-digest") == [False, True]
    assert kept(story, "change-published") == [False]
    story.serves(2)
    assert kept(story, "version-grows") == [False]
    assert kept(story, "version-only-on-change")[-1:] == [False]


def test_first_bytes_that_can_be_read_are_compared_with_the_next() -> None:
    """Also after some that cannot."""
    story = Visits()
    story.serves(1, **BROKEN)
    story.serves(1)
    story.serves(2)
    assert kept(story, "version-only-on-change") == [False]


def test_client_that_was_assigned_something_does_not_begin_with_version_1() -> None:
    """Its first manifest is not empty."""
    story, wanted = Visits(), Assigned()
    story.admit()
    story.assign(wanted)
    story.serves(2, wanted)
    assert kept(story, "first-version") == []


def test_manifest_in_an_error_is_no_manifest() -> None:
    """Nobody adopts it."""
    story, wanted = Visits(), Assigned()
    story.assign(wanted)
    story.serves(1, wanted)
    story.reports(wanted, wanted.report(5), 201)
    story.polls(500, content=offer(2, {}).manifest)
    assert kept(story, "version-above-reported") == []


def _updated(wanted: Assigned, **changes: Any) -> dict[str, Any]:
    """Its application with a profile that has other members."""
    application: dict[str, Any] = json.loads(json.dumps(wanted.application))
    application["deploymentProfiles"][0] |= changes
    return application


def test_update_of_what_is_in_the_document_gives_another_digest() -> None:
    """Of a component it must, of the description of the profile it need not."""
    story, wanted = Visits(), Assigned()
    story.assign(wanted)
    story.serves(2, wanted)
    story.control("update", deploymentId=wanted.id, application=_updated(wanted, description="new"))
    story.serves(2, wanted)
    assert kept(story, "change-published") == [True, True]
    components = wanted.profile["components"][:1]
    story.control("update", deploymentId=wanted.id, application=_updated(wanted, components=components))
    story.serves(3, wanted)
    assert kept(story, "change-published") == [True, True, False]


def test_poll_with_a_tag_is_judged_by_the_tag_in_the_answer() -> None:
    """Served again under the same tag, it was not modified; another tag is another manifest."""
    story = Visits()
    story.polls(200, 'If-None-Match: "x"', answer='ETag: "y"')
    assert kept(story, "not-modified") == []
    story.polls(200, 'If-None-Match: "x"', answer='ETag: "x"')
    assert kept(story, "not-modified") == [False]


def test_304_says_nothing_as_long_as_no_tag_is_known() -> None:
    """Once one is, it comes without a body."""
    story = Visits()
    story.polls(304, 'If-None-Match: "x"', answer='ETag: "x"')
    assert kept(story, "not-modified") == []
    tag = story.serves(1)
    story.polls(304, f"If-None-Match: {tag}", content=b"{}")
    assert kept(story, "not-modified") == [False]
    story.serves(2, headers=[f"If-None-Match: {tag}"])
    assert kept(story, "not-modified") == [False]


def test_poll_without_a_tag_is_not_answered_with_304() -> None:
    """With what it is answered otherwise says nothing as long as no tag is known."""
    story = Visits()
    story.polls(304, "If-None-Match: nothing")
    story.polls(200, "If-None-Match: nothing")
    assert kept(story, "modified-served") == [False]


def test_request_that_can_be_read_in_two_ways_hides_no_other() -> None:
    """Nor does one that allows `x-gzip` under another name."""
    story = Visits()
    for accepted in ("gzip;q=2", "*, x-gzip;q=0", "*;q=0"):
        story.serves(1, headers=[f"Accept-Encoding: {accepted}"], **CODED)
    assert kept(story, "coding-accepted-only") == [False]


def test_each_coded_body_is_compared_with_the_plain_one() -> None:
    """Not one that is no gzip, nor one that nobody was served without a coding."""
    story = Visits(["content-encoding"])
    other = {"answer": "Content-Encoding: gzip", "content": gzip.compress(offer(7, {}).manifest)}
    for served in (BROKEN, other, {}, CODED, CODED):
        story.serves(1, **served)
    assert kept(story, "coding-tag-unchanged") == [True, True]
