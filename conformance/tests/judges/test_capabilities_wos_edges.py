"""Where the rules about devices end for a WOS, and those about children of gateways: what is no occasion for them."""

from typing import Any

import pytest

from visits import DEVICE, ONE, TWO, Visits, capabilities, problem

CHILD = f"{DEVICE}/press"
LONG = "a" * 200
WRONG = capabilities("press-8")


def kept(story: Visits, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(f"capabilities.{requirement}")]


def known() -> Visits:
    """A client was accepted, so that nothing is kept of it."""
    story = Visits(["gateway"])
    story.admit()
    return story


@pytest.mark.parametrize(("status", "verdict"), [(399, False), (400, True), (499, True), (500, False)])
def test_path_with_dots_is_refused(status: int, verdict: bool) -> None:
    """As an error of the client."""
    story = Visits()
    story.asks("PUT /api/v1/capabilities/..", status, sent=capabilities())
    assert kept(story, "dot-segments-refused") == [verdict]


@pytest.mark.parametrize(("device", "verdicts"), [(LONG, [False]), (f"{LONG}a", [])])
def test_id_of_usual_length_is_accepted(device: str, verdicts: list[bool]) -> None:
    """Up to two hundred letters."""
    story = Visits()
    story.announces(device, status=422)
    assert kept(story, "valid-accepted") == verdicts


@pytest.mark.parametrize(("length", "verdicts"), [(262_144, [False]), (262_145, [])])
def test_body_of_usual_size_is_accepted(length: int, verdicts: list[bool]) -> None:
    """Up to 256 KiB."""
    story = Visits()
    exchange = story.announces(document=capabilities(note=""), status=422)
    assert exchange.request.body is not None
    story = Visits()
    story.announces(document=capabilities(note="x" * (length - exchange.request.body.length)), status=422)
    assert kept(story, "valid-accepted") == verdicts


@pytest.mark.parametrize("status", [401, 403, 429, 431, 503])
def test_document_may_be_refused_for_reasons_of_the_wos(status: int) -> None:
    """They say nothing about it."""
    story = Visits()
    story.announces(status=status)
    assert kept(story, "valid-accepted") == []


def test_policy_refuses_first_announcements() -> None:
    """That is no rule of this chapter."""
    story = known()
    story.announces(status=403)
    assert kept(story, "first-201") == []


def test_document_that_was_refused_is_not_kept() -> None:
    """Though it was right, or was no JSON."""
    for document, status in ((None, 422), (b"{", 400)):
        story = known()
        story.announces(document=document, status=status)
        story.view()
        assert kept(story, "refused-not-kept") == [True]
        assert kept(story, "kept-as-sent") == []


def test_document_that_should_have_been_refused_leaves_doubts() -> None:
    """Nobody knows what is kept of it."""
    story = known()
    story.announces(document=WRONG)
    story.announces(status=200)
    assert kept(story, "first-201") == []


def test_client_that_was_seen_before_is_not_new() -> None:
    """Of its other devices something may be kept."""
    story = Visits()
    story.announces()
    story.admit()
    story.announces("press-8", status=200)
    assert kept(story, "first-201") == []


def test_device_that_was_not_found_is_not_kept() -> None:
    """Its next announcement is the first."""
    story = Visits()
    story.forgets(status=404)
    story.announces(status=200)
    assert kept(story, "first-201") == [False]


def test_deletion_that_found_nothing_is_nothing_to_outlive() -> None:
    """Nor is one of another client."""
    story = Visits()
    story.announces()
    story.announces("press-8", client=TWO)
    story.forgets("press-9", 404)
    story.forgets("press-8", client=TWO)
    story.announces()
    assert kept(story, "delete-leaves-others") == []


def test_retirement_ends_all_doubts() -> None:
    """Also those that an announcement without an answer left."""
    story = known()
    story.announces(status=None, failure="reset")
    story.retire()
    story.admit()
    story.announces()
    assert kept(story, "first-201") == [True]


@pytest.mark.parametrize(("status", "verdicts"), [(401, [False]), (403, [False]), (500, [])])
def test_stranger_who_is_refused_leaves_no_doubts(status: int, verdicts: list[bool]) -> None:
    """It changes nothing; an error may."""
    story = known()
    story.connect("unlisted")
    story.announces(status=status)
    story.connect()
    story.announces(status=200)
    assert kept(story, "first-201") == verdicts


@pytest.mark.parametrize("lost", [True, False])
def test_device_has_not_outlived_a_restart_for_sure(lost: bool) -> None:
    """After an answer that got lost; and a refusal says nothing."""
    story = known()
    story.announces()
    story.control("restart")
    if lost:
        story.announces(status=None, failure="reset")
    story.announces(status=201 if lost else 422)
    assert kept(story, "kept-across-restart") == []


def test_gateway_may_be_known_from_before() -> None:
    """So its child may be taken."""
    story = Visits(["gateway"])
    story.announces(CHILD, status=404)
    assert kept(story, "parent-unknown-404") == []


def orphaned(*clients: str) -> Visits:
    """Gateways were withdrawn, each with a child."""
    story = Visits(["gateway"])
    for client in clients:
        for device in (DEVICE, CHILD):
            story.announces(device, client=client)
        story.forgets(client=client)
    return story


def test_children_that_are_gone_are_looked_for_at_their_client() -> None:
    """Others hide nothing."""
    story = orphaned(ONE)
    story.view({CHILD: capabilities(CHILD)}, client=TWO)
    assert kept(story, "delete-cascades") == []
    story = orphaned(ONE, TWO)
    for client in (ONE, TWO):
        story.view({CHILD: capabilities(CHILD)}, client=client)
    assert kept(story, "delete-cascades") == [False, False]


def encoded(story: Visits, method: str, status: int | None, **facts: Any) -> None:
    """A child is asked about with its slash encoded."""
    story.asks(f"{method} /api/v1/capabilities/{CHILD.replace('/', '%2F')}", status, **facts)


@pytest.mark.parametrize(
    ("status", "sent", "verdicts"),
    [
        (200, capabilities(CHILD), [True]),
        (201, capabilities(CHILD), [True]),
        (202, capabilities(CHILD), [False]),
        (None, capabilities(CHILD), []),
        (400, b"{", []),
        (422, WRONG, []),
        (422, {"properties": {"id": CHILD}}, []),
    ],
)
def test_encoded_slash_is_taken_in_a_right_announcement(status: int | None, sent: Any, verdicts: list[bool]) -> None:
    """That was answered."""
    story = Visits(["gateway"])
    story.announces()
    encoded(story, "PUT", status, sent=sent)
    assert kept(story, "slash-encoded-equal") == verdicts


@pytest.mark.parametrize(("status", "verdicts"), [(204, [True]), (404, [False]), (None, [])])
def test_encoded_slash_is_taken_in_a_deletion(status: int | None, verdicts: list[bool]) -> None:
    """Of a child that is kept."""
    story = Visits(["gateway"])
    encoded(story, "DELETE", 404, content=problem("device-not-found"))
    for device in (DEVICE, CHILD):
        story.announces(device)
    encoded(story, "DELETE", status)
    assert kept(story, "slash-encoded-equal") == verdicts
