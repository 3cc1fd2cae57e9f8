"""What the judges say of requests that come in company, and of long heads."""

import pytest

from visits import MANIFEST_TYPE, Assigned, Tales, Visits, problem

TALES = Tales()
KIND = f"Content-Type: {MANIFEST_TYPE}"
NOTHING = "GET /api/v1/bundles/sha256:" + "0" * 64
USUAL, LONG = "x-pad: " + "x" * 6000, "x-pad: " + "x" * 9000


def _asks_for_nothing(story: Visits, **facts: object) -> None:
    answer = "Content-Type: application/problem+json"
    story.asks(NOTHING, 404, answer, problem("invalid-bundle", status=404), **facts)  # type: ignore[arg-type]


def _written(story: Visits) -> float:
    """Several requests leave in one piece; when that was."""
    began = story.now
    story.waits(0.1)
    return began


@TALES.of("connectivity.answers-in-order")
def two_come_at_once(story: Visits, sin: bool) -> None:
    """Each gets the answer of the other."""
    story.connect()
    story.polls(200, answer=KIND)
    _asks_for_nothing(story)
    began = _written(story)
    if sin:
        story.polls(404, answer="Content-Type: application/problem+json", began=began)
        story.asks(NOTHING, 200, KIND, began=began)
    else:
        story.polls(200, answer=KIND, began=began)
        _asks_for_nothing(story, began=began)


@TALES.of("connectivity.answers-in-order")
def two_documents_are_asked_for_at_once(story: Visits, sin: bool) -> None:
    """The second answer is the first once more."""
    first, second = Assigned(), Assigned()
    story.connect()
    for wanted in (first, second):
        story.fetches(wanted, answer=f"ETag: {wanted.id}")
    began = _written(story)
    story.fetches(first, answer=f"ETag: {first.id}", began=began)
    story.fetches(second, answer=f"ETag: {(first if sin else second).id}", began=began)


@TALES.of("connectivity.answers-in-order")
def second_is_not_answered(story: Visits, sin: bool) -> None:
    """The connection stays open all the same."""
    story.connect()
    story.polls(200)
    began = _written(story)
    story.polls(200, began=began)
    story.polls(None, failure="timeout" if sin else "closed", began=began)


@TALES.of("connectivity.answers-in-order")
def second_answer_cannot_be_read(story: Visits, sin: bool) -> None:
    """It begins in the middle of the first."""
    story.connect()
    story.polls(200)
    began = _written(story)
    story.polls(200, began=began)
    story.polls(None if sin else 200, failure="malformed: RemoteProtocolError" if sin else None, began=began)


@TALES.of("connectivity.answers-in-order")
def second_answer_is_cut_off(story: Visits, sin: bool) -> None:
    """It is another one."""
    story.connect()
    story.polls(200)
    began = _written(story)
    story.polls(200, began=began)
    story.polls(404 if sin else 200, failure=None if sin else "closed", began=began)


@TALES.of("connectivity.answers-in-order")
def body_is_refused(story: Visits, sin: bool) -> None:
    """It is taken for the next request."""
    story.connect()
    story.polls(200)
    story.asks("PATCH /api/v1/deployments", 405, sent=b"DELETE / HTTP/1.1")
    story.polls(404 if sin else 200)


def changed(story: Visits) -> None:
    """The operator does something in between."""
    story.retire()


def accepted(story: Visits) -> None:
    """The body before was accepted."""
    story.announces()


def moved(story: Visits) -> None:
    """The request goes over another connection."""
    story.connect()


@pytest.mark.parametrize("happens", [changed, accepted, moved])
def test_other_answer_has_another_reason(happens: object) -> None:
    """Neither kept nor broken."""
    story = Visits()
    story.connect()
    story.polls(200)
    story.asks("PATCH /api/v1/deployments", 405, sent=b"x")
    happens(story)  # type: ignore[operator]
    story.polls(403)
    assert story.judged("connectivity.answers-in-order") == []


def test_busy_wos_answers_nobody_as_alone() -> None:
    """With 503 in company, and with 503 alone."""
    for alone, crowded in ((200, 503), (503, 200)):
        story = Visits()
        story.connect()
        story.polls(alone)
        began = _written(story)
        story.polls(crowded, began=began)
        story.polls(crowded, began=began)
        assert story.judged("connectivity.answers-in-order") == []


@TALES.of("errors.head-accepted")
def head_is_of_usual_length(story: Visits, sin: bool) -> None:
    """It is too long."""
    story.polls(431 if sin else 200, USUAL)


@TALES.of("errors.head-accepted")
def head_of_usual_length_breaks_off(story: Visits, sin: bool) -> None:
    """Twice in a row."""
    first = story.polls(None, USUAL, failure="closed")
    story.polls(None if sin else 304, USUAL, failure="closed" if sin else None, repeats=first.seq)


@TALES.of("errors.long-head-answered")
def head_is_long(story: Visits, sin: bool) -> None:
    """It is a long body."""
    story.polls(413 if sin else 431, LONG)


@TALES.of("errors.long-head-answered")
def head_is_long_and_served(story: Visits, sin: bool) -> None:
    """Nothing is said."""
    story.polls(None if sin else 200, LONG, failure="timeout" if sin else None)


@TALES.of("errors.long-head-survived")
def client_comes_again_after_a_long_head(story: Visits, sin: bool) -> None:
    """The WOS stumbles."""
    story.connect()
    story.polls(431, LONG)
    story.connect()
    story.polls(500 if sin else 200)


@TALES.of("errors.long-head-survived")
def nobody_is_there_after_a_long_head(story: Visits, sin: bool) -> None:
    """Nobody listens any more."""
    story.connect()
    story.polls(None, LONG, failure="closed")
    story.connect(outcome="refused" if sin else "established")
    if not sin:
        story.polls(304)


@TALES.of("errors.long-head-survived")
def nobody_answers_after_a_long_head(story: Visits, sin: bool) -> None:
    """There is no answer."""
    story.connect()
    story.polls(400, LONG)
    story.connect()
    story.polls(None if sin else 200, failure="timeout" if sin else None)


@pytest.mark.parametrize("rule", ["errors.long-head-answered", "errors.head-accepted", "errors.long-head-survived"])
@pytest.mark.parametrize("status", [429, 503])
def test_busy_wos_says_nothing_about_heads(rule: str, status: int) -> None:
    """Neither kept nor broken."""
    story = Visits()
    story.connect()
    for head in (USUAL, LONG):
        story.polls(status, head)
    story.connect()
    story.polls(200)
    assert story.judged(rule) == []


@pytest.mark.parametrize("rule", ["errors.long-head-answered", "errors.head-accepted"])
def test_connection_may_break_once_under_a_long_head(rule: str) -> None:
    """Nobody knows whose fault it is."""
    story = Visits()
    story.connect()
    for head in (USUAL, LONG):
        story.polls(None, head, failure="reset")
    assert story.judged(rule) == []


@pytest.mark.parametrize("name", TALES)
def test_judge_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TALES.assert_judged(name)
