"""What judges say of stories is written down, so that a judge that says something else does not go unnoticed."""

import json

import pytest

from said import WRITTEN, for_everybody, said_in, said_on_day
from tales import Tale, all_tales

WRITTEN_DOWN = json.loads(WRITTEN.read_bytes())


@pytest.mark.parametrize("requirement", for_everybody())
def test_ordinary_day_breaks_no_rule(requirement: str) -> None:
    """Nobody is blamed for it, and each rule has as many occasions as ever."""
    assert "-" not in said_on_day(requirement)
    assert said_on_day(requirement) == WRITTEN_DOWN["days"][requirement], "written by `make generate`"


@pytest.mark.parametrize("tale", all_tales(), ids=str)
def test_story_is_judged_as_ever(tale: Tale) -> None:
    """Occasion by occasion, alone and after an ordinary day."""
    assert said_in(tale) == WRITTEN_DOWN["tales"][str(tale)], "written by `make generate`"


def test_nothing_is_written_down_that_is_not_told() -> None:
    """A story that is gone is forgotten."""
    assert WRITTEN_DOWN["tales"].keys() == {str(tale) for tale in all_tales()}
    assert WRITTEN_DOWN["days"].keys() == set(for_everybody())
