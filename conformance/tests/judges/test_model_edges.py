"""What judges know of a WOS: what it was told to want, which answers count, and what was sent to it."""

from typing import Any

import pytest
from msgspec.structs import replace

from visits import DEVICE, ONE, Assigned, Visits, capabilities

MEBIBYTE = 1 << 20


def kept(story: Visits, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(requirement)]


def test_deletion_ends_each_deployment_for_the_device() -> None:
    """Those for another one go on, and hide none."""
    story, other, wanted = Visits(), Assigned("other"), Assigned()
    story.announces()
    story.assign(other, wanted)
    story.forgets()
    story.serves(3, other, wanted)
    assert kept(story, "capabilities.delete-withdraws") == [False]


@pytest.mark.parametrize(("status", "verdicts"), [(500, [True, True]), (499, [True])])
def test_deletion_that_failed_leaves_doubts(status: int, verdicts: list[bool]) -> None:
    """About the deployments for the device, and for no other one; a refusal leaves none."""
    story, wanted, other = Visits(), Assigned(), Assigned("other")
    story.announces()
    story.assign(wanted, other)
    story.serves(2, wanted, other)
    story.forgets(status=status)
    story.serves(3, other)
    assert kept(story, "desired-state.change-published") == verdicts


def test_client_that_is_accepted_twice_has_returned_once() -> None:
    """The second time it was there already."""
    story = Visits()
    story.admit()
    story.serves(7)
    story.retire()
    for _ in range(2):
        story.admit()
        story.serves(8)
    assert kept(story, "onboarding.return-greater-version") == [True]


def test_manifest_that_was_asked_for_during_a_change_may_show_either() -> None:
    """Nobody says which."""
    story, wanted = Visits(), Assigned()
    story.serves(1)
    story.assign(wanted)
    story.events[-1] = replace(story.events[-1], ended=story.now + 0.05)
    story.serves(2, wanted)
    assert kept(story, "desired-state.version-only-on-change") == []


@pytest.mark.parametrize("status", [413, 415, 429, 431, 503])
def test_answer_that_has_other_reasons_says_nothing(status: int) -> None:
    """About the text that was sent."""
    story = Visits()
    story.announces(document=b"{", status=status)
    assert kept(story, "capabilities.malformed-400") == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"x" * MEBIBYTE, "not-json"),
        (b"x" * (MEBIBYTE + 1), "unsure"),
        (b"\xef\xbb\xbf{", "unsure"),
        (b'{"a": ' + b"1" * 40 + b"}", "json"),
        (b'{"a": ' + b"1" * 41 + b"}", "unsure"),
        (b'{"a": 1e300}', "json"),
        (b'{"a": -1e301}', "unsure"),
        (b'{"a": 1, "a": 2}', "unsure"),
        (b'{"a": "\\ud800"}', "unsure"),
        (b'{"a": NaN}', "not-json"),
        (b"[" * 63 + b"]" * 63, "json"),
        (b"[" * 64 + b"]" * 64, "unsure"),
    ],
)
def test_text_is_json_or_not_or_nobody_can_be_sure(body: bytes, kind: str) -> None:
    """As parsers may differ."""
    story = Visits()
    story.announces(document=body, status=418)
    assert kept(story, "capabilities.malformed-400") == ([False] if kind == "not-json" else [])
    assert kept(story, "capabilities.invalid-422") == ([False] if kind == "json" else [])


@pytest.mark.parametrize(("sent", "shown"), [(["a"], "a"), ("a", ["a"]), ([True], [1]), (["a"], ["a", "b"])])
def test_list_is_the_same_in_each_entry(sent: Any, shown: Any) -> None:
    """And is nothing else than a list."""
    story = Visits()
    story.announces(document=capabilities(note=sent))
    story.view({DEVICE: capabilities(note=shown)}, client=ONE)
    assert kept(story, "capabilities.kept-as-sent") == [False]
