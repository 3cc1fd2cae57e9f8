"""Judges of the chapter connectivity for an agent: a story that keeps each rule, and the same one with a sin."""

from random import Random

import pytest

from story import Story, Tales
from wos_conformance.suite.agent.wanted import Wanted

TALES = Tales()
GOOD = Wanted.new(Random(1))


@TALES.of("connectivity.agent-http-version")
def agent_asks(story: Story, sin: bool) -> None:
    """In an old protocol."""
    story.start()
    story.polls(protocol="HTTP/1.0" if sin else "HTTP/1.1")


@TALES.of("connectivity.polls")
def manifest_was_served(story: Story, sin: bool) -> None:
    """The next request comes too late."""
    story.start()
    story.polls()
    story.waits(5.1 if sin else 4.8)
    story.polls()


@TALES.of("connectivity.polls")
def nothing_has_changed(story: Story, sin: bool) -> None:
    """There is no next request."""
    story.start()
    story.polls()
    story.waits(2.0)
    if not sin:
        story.polls()
    story.waits(2.9)
    story.look()
    story.look()


@TALES.of("connectivity.keeps-polling")
def request_failed(story: Story, sin: bool) -> None:
    """The next one comes too late."""
    story.start()
    story.polls(500)
    story.waits(13.1 if sin else 12.8)
    story.polls()


@TALES.of("connectivity.keeps-polling")
def answer_is_to_come_later(story: Story, sin: bool) -> None:
    """It is not asked for."""
    story.start()
    story.polls(503, "Retry-After: 60\r\n")
    story.waits(73.1 if sin else 72.8)
    story.polls()


@TALES.of("connectivity.retry-after-respected")
def agent_is_asked_to_wait(story: Story, sin: bool) -> None:
    """It does not."""
    story.start()
    story.polls(503, "Retry-After: 3\r\n")
    story.waits(2.8 if sin else 3.0)
    story.polls()


@TALES.of("connectivity.retry-after-respected")
def agent_is_asked_to_wait_until_then(story: Story, sin: bool) -> None:
    """A second counts for the clock."""
    dates = [f"Tue, 24 Nov 2026 10:00:{second} GMT\r\n" for second in ("00", "04")]
    story.start()
    story.polls(429, f"Date: {dates[0]}Retry-After: {dates[1]}")
    story.waits(2.8 if sin else 3.0)
    story.polls()


@TALES.of("connectivity.not-faster")
def two_polls(story: Story, sin: bool) -> None:
    """The second comes too soon, because the WOS hurried."""
    story.start()
    story.polls(304, "Retry-After: 0\r\n", answered="hurry")
    story.waits(0.3 if sin else 1.0)
    story.polls()


@TALES.of("connectivity.back-off-grows")
def row_of_failures(story: Story, sin: bool) -> None:
    """The pause stays the same."""
    story.start()
    for pause in (0.6, 1.2, 1.2 if sin else 2.4, 1.2 if sin else 4.5):
        story.polls(500)
        story.waits(pause)
    story.polls()


@TALES.of("connectivity.back-off-grows")
def row_without_answers(story: Story, sin: bool) -> None:
    """There is no pause at all."""
    story.start()
    for pause in (0.6, 1.2, 2.4):
        story.polls(None, failure="reset")
        story.waits(0.0 if sin else pause)
    story.polls()


@TALES.of("connectivity.silence-keeps-running")
def nobody_listens(story: Story, sin: bool) -> None:
    """What runs is cleaned up."""
    story.start()
    story.adopts(GOOD)
    with story.fault("away", "connection"):
        story.waits(5.0)
        story.look(*([] if sin else [GOOD]))
    story.look(*([] if sin else [GOOD]))
    story.polls()


@TALES.of("connectivity.silence-keeps-running")
def somebody_else_answers(story: Story, sin: bool) -> None:
    """What runs is changed."""
    story.start()
    story.adopts(GOOD)
    with story.fault("unrecognised", "connection"):
        story.connects("unknown-root", "handshake-failed")
    story.look(GOOD.changed(Random(2)) if sin else GOOD)
    story.polls()


@TALES.of("connectivity.poll-window")
def agent_has_two_windows(story: Story, sin: bool) -> None:
    """It calls in between."""
    windows = [{"from": "23:59:50", "to": "00:00:05"}, {"from": "00:10:00", "to": "00:20:00"}]
    story.start(windows=windows)
    for time in ("23:59:59", "00:00:05", "00:01:00" if sin else "00:10:00", "00:10:01"):
        story.polls(304, f"Date: Tue, 24 Nov 2026 {time} GMT\r\n")


@pytest.mark.parametrize("name", TALES)
def test_rule_is_judged(name: str) -> None:
    """Both ways."""
    TALES.assert_judged(name)


def test_one_good_answer_ends_the_row() -> None:
    """The next pause may be short again."""
    story = Story()
    story.start()
    for status in (500, 500, 304, 500):
        story.polls(status)
        story.waits(1.2)
    story.polls()
    assert story.verdicts("connectivity.back-off-grows") == {True}


def test_manifest_that_is_not_adopted_is_no_reason_for_haste() -> None:
    """It is no failure either."""
    story = Story()
    story.start()
    story.retrieves(story.publish(GOOD, defect="tag-wrong"))
    story.polls()
    assert story.verdicts("connectivity.not-faster") == {False}
    assert story.verdicts("connectivity.back-off-grows") == set()


def test_answer_that_nobody_can_read_says_nothing_about_haste() -> None:
    """An agent may take it for a failure, after which the pause is shorter."""
    story = Story()
    story.start()
    story.polls(200, answered="huge-header")
    story.polls()
    assert story.verdicts("connectivity.not-faster") == set()


def test_moment_at_which_an_agent_left_is_not_known() -> None:
    """It has waited longer than our side could see; the row of failures goes on."""
    story = Story()
    story.start()
    story.polls(200, failure="SSLEOFError")
    story.waits(0.001)
    story.polls(500)
    assert not story.judged("connectivity.back-off-grows")
    story.waits(0.6)
    story.polls()
    assert story.verdicts("connectivity.back-off-grows") == {False}


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        ("connectivity.not-faster", (304, "")),
        ("connectivity.back-off-grows", (500, "")),
        ("connectivity.retry-after-respected", (503, "Retry-After: 2\r\n")),
    ],
)
def test_answer_that_may_have_got_lost_binds_nobody(rule: str, answer: tuple[int, str]) -> None:
    """The same pause is too short after an answer that has arrived."""
    for lost in (False, True):
        story = Story()
        story.start()
        first = story.polls(*answer)
        story.breaks(first) if lost else None
        story.waits(0.1)
        story.polls(304, connection="another")
        assert False in story.verdicts(rule) or lost
        assert not (lost and False in story.verdicts(rule))


@pytest.mark.parametrize(("failure", "kept"), [("reset", set()), ("stalled", {False})])
def test_request_may_come_again_at_once_on_a_new_connection(failure: str, kept: set[bool]) -> None:
    """When it met the end of one that was kept, not when its answer has not come in time."""
    story = Story()
    story.start()
    story.polls(connection="kept")
    story.waits(1.0)
    story.polls(None, connection="kept", failure=failure)
    story.polls(connection="new")
    assert story.verdicts("connectivity.back-off-grows") == kept


def test_end_of_a_kept_connection_is_not_counted() -> None:
    """The second failure in a row that counts is the one on the new connection after it."""
    story = Story()
    story.start()
    story.polls(500, connection="kept")
    story.waits(0.6)
    story.polls(None, connection="kept", failure="reset")
    story.polls(None, connection="new", failure="reset")
    story.waits(1.1)
    story.polls()
    assert story.verdicts("connectivity.back-off-grows") == {True}
