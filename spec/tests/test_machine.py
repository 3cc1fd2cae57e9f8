"""The state machine: the tables, the drawing and the order of the chapter are those of `state-machine.yaml`."""

import re
from typing import Any

import yaml
from test_agreement import STATES, rows_of
from version import CHAPTERS, FOLDER

MACHINE: dict[str, Any] = yaml.safe_load((FOLDER / "state-machine.yaml").read_bytes())
CONDITIONS = {"when-newer": "under a greater adopted version", "when-wanted": "once the deployment is wanted anew"}


def all_moves() -> dict[str, list[str]]:
    """Where each state leads, under whatever condition."""
    parts = [MACHINE["moves"], *(MACHINE[condition] for condition in CONDITIONS)]
    return {state: [after for part in parts for after in part.get(state, [])] for state in MACHINE["moves"]}


def states_in(text: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`(\w+)`", text)


def test_severity_of_text_and_machine_is_the_same() -> None:
    """The order counts, and every state of the schema has its place."""
    (order,) = re.findall(r"in the order (.*), the most severe first", CHAPTERS["status"])
    assert states_in(order) == MACHINE["severity"]
    assert sorted(MACHINE["severity"]) == sorted(STATES)


def test_moves_lead_from_state_to_state() -> None:
    """Each state can be left and reached, none leads to itself, and no move stands twice."""
    moves = all_moves()
    assert set(moves) - {"nothing"} == STATES == {after for reached in moves.values() for after in reached}
    assert all(len(reached) == len(set(reached)) and state not in reached for state, reached in moves.items())
    assert all(set(MACHINE[condition]) <= STATES for condition in CONDITIONS)


def test_table_of_moves_is_the_machine() -> None:
    """Row by row; what has a condition stands before its words."""
    rows = {start.strip("`"): cell for start, cell in rows_of("status", "| From | To |")}
    assert list(rows) == list(MACHINE["moves"])
    for state, cell in rows.items():
        free, _, bound = cell.partition(", and ")
        assert states_in(free) == MACHINE["moves"][state]
        assert states_in(bound) == all_moves()[state][len(MACHINE["moves"][state]) :]
        assert [c for c in CONDITIONS if state in MACHINE[c]] == [
            c for c, words in CONDITIONS.items() if words in bound
        ]


def test_drawing_is_the_machine() -> None:
    """The same moves, with the same conditions behind a colon."""
    (drawing,) = re.findall(r"^```mermaid\nstateDiagram-v2\n(.*?)^```$", CHAPTERS["status"], re.MULTILINE | re.DOTALL)
    drawn = [re.fullmatch(r" +(\S+) --> (\w+)(?:: (.+))?", line) for line in drawing.splitlines()]
    found = {(arrow[1].replace("[*]", "nothing"), arrow[2], arrow[3]) for arrow in drawn if arrow}
    parts = {None: MACHINE["moves"], "newer": MACHINE["when-newer"], "wanted anew": MACHINE["when-wanted"]}
    moves = [(start, after, sign) for sign, part in parts.items() for start in part for after in part[start]]
    assert (found, len(drawn)) == (set(moves), len(moves))


def test_codes_of_errors_are_those_of_the_machine() -> None:
    """With the same meaning and in the same order; those of a gateway are the numbers."""
    rows = [(code.strip("`"), meaning) for code, meaning in rows_of("status", "| Code | Meaning |")]
    assert rows == [(code, entry["meaning"]) for code, entry in MACHINE["codes"].items()]
    features = {code: entry["feature"] for code, entry in MACHINE["codes"].items() if "feature" in entry}
    assert features == {code: "gateway" for code in MACHINE["codes"] if code.isdigit()}


def test_codes_named_in_chapters_exist() -> None:
    """Whoever is told to send one finds its meaning."""
    named = {code for text in CHAPTERS.values() for code in re.findall(r"with the code `([^`]+)`", text)}
    assert named <= set(MACHINE["codes"])
