"""Judges of the chapters onboarding and connectivity for a WOS: a story that keeps each rule, and one with a sin."""

import pytest

from visits import Assigned, Tales, Visits

TALES = Tales()


def _returns(story: Visits) -> Assigned:
    """A client with a deployment is retired and accepted again."""
    wanted = Assigned()
    story.admit()
    story.assign(wanted)
    story.serves(7, wanted)
    story.retire()
    story.polls(403)
    story.admit()
    return wanted


@TALES.of("onboarding.return-empty")
def client_returns(story: Visits, sin: bool) -> None:
    """It inherits what was assigned before."""
    wanted = _returns(story)
    story.serves(8, *([wanted] if sin else []))


@TALES.of("onboarding.return-greater-version")
def client_returns_and_remembers(story: Visits, sin: bool) -> None:
    """Versions begin anew."""
    _returns(story)
    story.serves(1 if sin else 8)


@TALES.of("connectivity.keeps-connection")
def client_asks_twice(story: Visits, sin: bool) -> None:
    """The connection is closed after the first answer."""
    connection = story.connect()
    story.polls(200)
    if sin:
        story.close(connection, "closed by the target, or after a failure")
        connection = story.connect()
    story.polls(200)
    if sin:
        story.close(connection, "closed by the target, or after a failure")


@TALES.of("connectivity.keeps-connection")
def client_is_told_that_it_ends(story: Visits, sin: bool) -> None:
    """The WOS announces that it will close."""
    connection = story.connect()
    story.polls(200, answer="Connection: close" if sin else "")
    if sin:
        story.close(connection, "closed by the target, or after a failure")
        story.connect()
    story.polls(200)


def test_connection_may_break_once() -> None:
    """While nothing is asked, and under a request."""
    story = Visits()
    for failure in (None, "reset"):
        connection = story.connect()
        story.polls(200)
        if failure:
            story.polls(None, failure=failure)
        story.close(connection, "closed by the target, or after a failure")
        story.connect()
        story.polls(200)
        story.polls(200)
    assert not [judgement for judgement in story.judged("connectivity.keeps-connection") if not judgement.kept]


@pytest.mark.parametrize("name", TALES)
def test_judge_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TALES.assert_judged(name)


def test_new_assignment_ends_the_return() -> None:
    """What is assigned after the return is in the manifest."""
    story = Visits()
    _returns(story)
    fresh = Assigned()
    story.assign(fresh)
    story.serves(9, fresh)
    assert not story.judged("onboarding.return-empty")


@pytest.mark.parametrize("ending", ["ours", "late", "error", "restart", "asked-for"])
def test_connection_may_be_closed(ending: str) -> None:
    """By us, after a long time, after an error, by a restart, on demand."""
    story = Visits()
    connection = story.connect()
    story.polls(400 if ending == "error" else 200, *(["Connection: close"] if ending == "asked-for" else []))
    story.waits(11 if ending == "late" else 0)
    if ending == "restart":
        story.control("restart")
    story.close(connection, "closed by us" if ending == "ours" else "closed by the target, or after a failure")
    assert not story.judged("connectivity.keeps-connection")
