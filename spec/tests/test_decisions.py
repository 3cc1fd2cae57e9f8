"""Every place where the published text leaves a choice is answered once in the records of decisions."""

import re
from pathlib import Path

import pytest
from version import INDEX

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "decisions"
COUNTS = {"A": 15, "B": 8, "C": 9, "D": 15, "E": 11, "F": 18, "G": 7}
ROW = re.compile(
    r"^\| (?P<item>[A-G]\d+) \| (?P<unclear>[^|]+) \| (?P<answer>[^|]+) \| (?P<rules>[^|]*) ?\|$", re.MULTILINE
)
ROWS = [row for path in sorted(FOLDER.glob("003*.md")) for row in ROW.finditer(path.read_text("utf-8"))]


def test_every_open_place_is_answered_once() -> None:
    """In order, and none is left out."""
    assert [row["item"] for row in ROWS] == [f"{part}{n}" for part in COUNTS for n in range(1, COUNTS[part] + 1)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["item"])
def test_answer_is_resolved_contested_or_out_of_scope(row: re.Match[str]) -> None:
    """By rules that exist; a contested one is a rule that is not scored."""
    kind, _, reason = row["answer"].partition(": ")
    rules = [name.strip() for name in row["rules"].split(",") if name.strip()]
    assert set(rules) <= set(INDEX)
    assert reason
    assert kind == "out of scope" or (kind in {"resolved", "contested"} and rules)
    assert kind != "contested" or any("contested" in INDEX[name] for name in rules)
