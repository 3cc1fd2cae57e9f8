"""Where the rules about calls and connections end: what is no occasion for them, and what is just one."""

from typing import Any

import pytest
from msgspec.structs import replace

from story import DECLARED, Story
from visits import Visits

LEFT = "closed by the target, or after a failure"


def kept(story: Any, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(f"connectivity.{requirement}")]


def begun(interval: float = 1.0, **given: Any) -> Story:
    """An agent was started that polls in this interval."""
    story = Story()
    story.events[0] = replace(story.events[0], declared=DECLARED | {"poll_interval": interval})
    story.start(**given)
    return story


def date(time: str) -> str:
    """A header with this time of a day."""
    return f"Date: Tue, 24 Nov 2026 {time} GMT\r\n"


@pytest.mark.parametrize(
    ("rule", "status", "interval", "bound"),
    [("polls", 304, 1.0, 5.0), ("polls", 304, 4.0, 14.0), ("keeps-polling", 500, 4.0, 22.0)],
)
def test_next_poll_is_waited_for(rule: str, status: int, interval: float, bound: float) -> None:
    """Until its bound, when something has happened after that, and as exactly as clocks are."""
    for early, verdicts in ((0.3, []), (-0.3, [False])):
        story = begun(interval)
        story.polls(status)
        story.waits(bound - 0.1 - early)
        story.look()
        assert kept(story, rule) == verdicts
    for late in (-0.3, 0.01, 0.3):
        story = begun(interval)
        story.polls(status)
        story.waits(bound - 0.1 + late)
        story.polls()
        assert kept(story, rule) == [late < 0.3]


def test_connection_that_is_as_it_should_be_excuses_nothing() -> None:
    """One with a flawed certificate does."""
    for flaw, verdicts in ((None, [False]), ("expired-leaf", [])):
        story = begun()
        story.polls()
        story.connects(flaw)
        story.waits(6.0)
        story.polls()
        assert kept(story, "polls") == verdicts


@pytest.mark.parametrize(
    ("rule", "status", "headers", "pause"),
    [
        ("retry-after-respected", 503, "Retry-After: 3\r\n", 3.0),
        ("not-faster", 304, "", 1.0),
        ("back-off-grows", 500, "", 0.5),
    ],
)
def test_pause_is_as_long_as_it_has_to_be(rule: str, status: int, headers: str, pause: float) -> None:
    """As exactly as clocks are."""
    for less in (0.0, 0.01, 0.03):
        story = begun()
        story.polls(status, headers)
        story.waits(pause - 0.1 - less)
        story.polls()
        assert kept(story, rule) == [less < 0.03]


def test_moment_that_is_over_asks_for_no_pause() -> None:
    """It is the one of the answer."""
    story = begun()
    story.polls(503, f"{date('10:00:00')}Retry-After: Tue, 24 Nov 2026 10:00:00 GMT\r\n")
    story.polls()
    assert kept(story, "retry-after-respected") == [True]


def test_start_ends_the_row_of_failures() -> None:
    """The next one is the first."""
    story = begun()
    story.polls(500)
    story.control("stop")
    story.start()
    story.polls(500)
    story.waits(0.5)
    story.polls()
    assert kept(story, "back-off-grows") == [True]


@pytest.mark.parametrize(
    ("begin", "end", "time", "is_inside"),
    [
        ("10:00:00", "10:30:00", "10:30:01", False),
        ("10:00:00", "10:30:00", "11:10:00", False),
        ("10:00:00", "10:30:00", "10:10:00", True),
        ("00:00:00", "00:10:00", "23:59:59", True),
        ("00:00:00", "00:10:00", "23:59:58", False),
        ("23:00:00", "00:00:00", "00:00:00", True),
        ("23:00:00", "00:00:00", "00:00:01", False),
    ],
)
def test_window_begins_and_ends(begin: str, end: str, time: str, is_inside: bool) -> None:
    """With the second that it names, and the one before; an answer without a date hides nothing."""
    story = begun(windows=[{"from": begin, "to": end}])
    story.polls()
    story.polls(304, date(time))
    assert kept(story, "poll-window") == ([] if is_inside else [False])


@pytest.mark.parametrize(
    ("status", "seconds", "between", "asking", "verdicts"),
    [
        (200, 9.7, "", "", [False]),
        (200, 10.3, "", "", []),
        (399, 0.0, "", "", [False]),
        (400, 0.0, "", "", []),
        (200, 0.0, "restart", "", []),
        (200, 0.0, "", "Connection: close", []),
    ],
)
def test_connection_that_ends_early(
    status: int, seconds: float, between: str, asking: str, verdicts: list[bool]
) -> None:
    """After a good answer, within ten seconds, undisturbed and unasked."""
    story = Visits()
    connection = story.connect()
    story.polls(status, *filter(None, [asking]), answer="Connection: close")
    if between:
        story.control(between)
    story.waits(seconds)
    story.close(connection, LEFT)
    assert kept(story, "keeps-connection") == verdicts
