"""Where the rules about errors and extensions end: what is no occasion for them, and what is just one."""

from random import Random
from typing import Any

import pytest

from story import Story
from visits import Assigned, Visits, problem
from wos_conformance.suite.agent.wanted import Wanted

RANDOM = Random(1)
GOOD, OTHER = Wanted.new(RANDOM), Wanted.new(RANDOM)
NEWER, OTHERS_NEXT = GOOD.changed(RANDOM), OTHER.changed(RANDOM)
TEXT = ["Content-Type: text/plain"]


def kept(story: Any, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(f"errors.{requirement}")]


def begun() -> Story:
    """An agent was started."""
    story = Story()
    story.start()
    return story


def test_refusal_leaves_alone_what_runs_as_it_should() -> None:
    """What is on its way to another revision may arrive there."""
    story = begun()
    story.adopts(GOOD, OTHER)
    story.publish(GOOD, OTHERS_NEXT)
    story.look(GOOD, OTHER)
    story.announces(status=400)
    story.look(GOOD, OTHERS_NEXT)
    story.polls()
    assert kept(story, "keeps-running") == [True]


def test_what_was_changed_after_a_refusal_changes() -> None:
    """It was published between the looks."""
    story = begun()
    story.adopts(GOOD)
    story.announces(status=400)
    story.publish(NEWER)
    story.look(NEWER)
    story.polls()
    assert kept(story, "keeps-running") == []


def test_refusal_is_judged_by_the_looks_around_it() -> None:
    """There are two, and the agent lives."""
    story = begun()
    story.publish(GOOD)
    story.announces(status=400)
    story.look(GOOD)
    story.polls()
    assert kept(story, "keeps-running") == []
    story.announces(status=400)
    story.look()
    assert kept(story, "keeps-running") == []
    story.polls()
    assert kept(story, "keeps-running") == [False]


def test_refusal_is_judged_by_the_last_look_before_it() -> None:
    """The one before that saw nothing."""
    story = begun()
    story.publish(GOOD)
    story.look()
    story.look(GOOD)
    story.announces(status=400)
    story.look(GOOD)
    story.polls()
    assert kept(story, "keeps-running") == [True]


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_permanent_refusal_lasts_until_the_next_manifest(status: int) -> None:
    """That nothing has changed is no manifest."""
    story = begun()
    publication = story.publish(GOOD)
    story.announces(status=status)
    story.polls()
    story.announces(status=429)
    assert kept(story, "permanent-not-repeated") == [False]
    story.announces(status=status)
    story.retrieves(publication)
    story.announces(status=429)
    story.polls()
    assert kept(story, "permanent-not-repeated") == [False, True]


def test_errors_of_the_identity_service_hide_no_other() -> None:
    """They have rules of their own."""
    story = Visits()
    for flaw in ("identity-service", None):
        story.connect(flaw)
        story.polls(404)
    assert kept(story, "problem-media-type") == [False]


def test_problem_that_lacks_something_hides_no_other() -> None:
    """It is no JSON, or has neither status nor type."""
    story = Visits()
    wrong = problem("no-such-type", status=400)
    for content in (b"<html>", b"{}", wrong):
        story.polls(404, content=content)
    assert kept(story, "problem-valid") == [False, False, True]
    assert kept(story, "status-repeated") == [False]
    assert kept(story, "type-registered") == [False]


def test_only_errors_of_the_caller_are_permanent() -> None:
    """An error of the WOS may pass, and what is too much now may be less later."""
    story = Visits()
    for status in (500, 429, 503):
        story.polls(status, answer="Retry-After: 1")
    assert kept(story, "permanent-not-retryable") == []


@pytest.mark.parametrize(
    ("length", "status", "verdicts"),
    [
        (0, 413, []),
        (1, 413, [False]),
        (199_999, 200, []),
        (200_000, 200, [True]),
        (262_144, 200, [True]),
        (262_144, 413, [False]),
        (262_145, 413, []),
    ],
)
def test_usual_body_has_at_most_256_kibibytes(length: int, status: int, verdicts: list[bool]) -> None:
    """A large one is kept when it is taken, a small one says nothing, and no body is none."""
    story = Visits()
    story.announces(document=b"x" * length, status=status)
    assert kept(story, "size-accepted") == verdicts


def test_trace_is_found_in_plain_text() -> None:
    """In the first 64 KiB, and wholly."""
    story, trace = Visits(), b"panic: "
    for length in (65_536, 65_537):
        story.polls(400, content=trace.rjust(length))
    assert kept(story, "no-internals") == [False, True]


def test_body_of_another_type_has_to_be_right_otherwise() -> None:
    """It is about a known deployment with its components, and names it in the path."""
    story, wanted, other, stranger = Visits(), Assigned(), Assigned(), Assigned()
    story.assign(wanted, other)
    foreign = wanted.report() | {"components": stranger.report()["components"]}
    for about, sent in ((wanted, {}), (other, wanted.report()), (stranger, stranger.report()), (wanted, foreign)):
        story.reports(about, sent, 422, headers=TEXT)
    assert kept(story, "media-type-415") == []


def test_body_of_the_right_type_hides_no_other() -> None:
    """Nor does a child where there is no gateway."""
    story = Visits()
    story.announces("press-7/arm", headers=TEXT)
    story.announces()
    story.announces(headers=TEXT)
    assert kept(story, "media-type-415") == [False]


@pytest.mark.parametrize("status", [200, 201])
def test_report_with_unknown_members_is_taken(status: int) -> None:
    """The first one, or a later one."""
    story, wanted = Visits(), Assigned()
    story.assign(wanted)
    story.reports(wanted, wanted.report() | {"mood": "good"}, status)
    assert [found.kept for found in story.judged("extensions.unknown-members-accepted")] == [True]
