"""Every judge is asked about histories that are made, kept and broken by construction; no network is there."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from synthetic import after, beside, concerns_everybody, disturbed, elsewhere, happened, later
from tales import Tale, all_tales
from wos_conformance.history import History
from wos_conformance.judges import REGISTER

EXAMPLES = 8
ONE_SERVICE = "onboarding."
"""Rules about an identity service: codes and keys that come twice mean something to it, so it stays alone."""
FEW = settings(max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate])


@dataclass(frozen=True)
class Variation:
    """How a history differs from the story as it is told: ids, hour, company, and what passes by."""

    seed: int
    hours: int
    company: str
    offset: float
    passing: tuple[int, ...]


def variations(company: list[str]) -> st.SearchStrategy[Variation]:
    """Circumstances, with company of these kinds."""
    return st.builds(
        Variation,
        seed=st.integers(1, 3),
        hours=st.integers(0, 24),
        company=st.sampled_from(company),
        offset=st.integers(-6, 6).map(lambda steps: steps / 10 + 0.05),
        passing=st.lists(st.integers(1, 30), max_size=5).map(tuple),
    )


@cache
def told(requirement: str) -> list[Tale]:
    """The stories of a judge."""
    return [tale for tale in all_tales() if tale.requirement == requirement]


@cache
def history_of(tale: Tale, sin: bool, seed: int) -> History:
    """A story that is told once."""
    return happened(tale, sin=sin, seed=seed)


def varied(tale: Tale, other: Tale, variation: Variation, *, sin: bool) -> History:
    """The story in these circumstances; the company keeps the rule."""
    mine = history_of(tale, sin, variation.seed)
    company = elsewhere(history_of(other, False, variation.seed + 10), "-b")
    return disturbed(later(joined(mine, company, variation), variation.hours * 3600.0), variation.passing)


def joined(mine: History, company: History, variation: Variation) -> History:
    """Both histories, as far as they can go together."""
    if variation.company == "before":
        return after(company, mine)
    if variation.company == "after":
        return after(mine, company)
    independent = mine.header.role == "wos" and not (concerns_everybody(mine) or concerns_everybody(company))
    if variation.company == "beside" and independent:
        return beside(mine, company, 1.0 + variation.offset)
    return mine


@pytest.fixture(autouse=True, scope="module")
def _offline() -> Iterator[None]:
    """A judge that calls somebody stumbles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a judge opens a connection"))
        yield


def verdicts(requirement: str, history: History) -> list[Any]:
    """What a judge says, twice the same."""
    first, second = (list(REGISTER[requirement](History(history.events, history.blobs))) for _ in range(2))
    assert first == second
    return first


def test_every_judge_has_a_story() -> None:
    """What cannot be told without a network cannot be judged again offline either."""
    lacking = sorted(set(REGISTER) - {tale.requirement for tale in all_tales()})
    assert not lacking, f"{lacking} have no story that keeps and breaks them in conformance/tests/judges"


@pytest.mark.parametrize("requirement", sorted(REGISTER))
@FEW
@given(data=st.data())
def test_verdict_does_not_depend_on_circumstances(requirement: str, data: st.DataObject) -> None:
    """What keeps a rule keeps it among others, later and disturbed; so it is with what breaks it."""
    tale, other = (data.draw(st.sampled_from(told(requirement)), label=label) for label in ("tale", "other"))
    company = ["alone"] if requirement.startswith(ONE_SERVICE) else ["alone", "before", "after", "beside"]
    variation = data.draw(variations(company), label="variation")
    good = verdicts(requirement, varied(tale, other, variation, sin=False))
    bad = verdicts(requirement, varied(tale, other, variation, sin=True))
    assert {judgement.kept for judgement in good} == {True}, [j for j in good if not j.kept]
    assert False in {judgement.kept for judgement in bad}
