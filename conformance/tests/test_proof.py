"""What the gate concludes from what judges say: only a clean kill is a kill."""

from pathlib import Path
from typing import Any

import pytest

from mutants import Mutant, mutants_of
from mutants.control import CONTROLS, MUST_LIVE
from proof import gate
from proof.conclusion import conclude, control_fault, facade_fault, reference_faults
from proof.trial import Seen

RULE, OTHER, THIRD = "status.first-201", "status.repeat-200", "errors.problem-valid"
MUTANT = Mutant("sins", RULE, lambda patch: None, frozenset({THIRD}))
PASSED, DEAD = Seen({RULE: "passed"}), Seen({RULE: "failed"})

FATES = {
    "killed": (DEAD, "killed"),
    "killed-with-its-consequence": (Seen({RULE: "failed", THIRD: "failed"}), "killed"),
    "killed-with-something-unrelated": (Seen({RULE: "failed", OTHER: "failed"}), "spilled"),
    "killed-by-another-judge-only": (Seen({RULE: "passed", THIRD: "failed"}), "survived"),
    "not-tested": (Seen({RULE: "not-tested"}), "survived"),
    "not-judged": (Seen({}), "survived"),
    "harness-stumbled": (Seen({RULE: "failed"}, ("the run was cut",)), "inconclusive"),
}


@pytest.mark.parametrize("fate", FATES)
def test_fate_of_a_mutant(fate: str) -> None:
    """What is not a clean kill fails the gate."""
    seen, outcome = FATES[fate]
    assert conclude(MUTANT, seen).outcome == outcome


def test_proof_is_void_unless_one_control_dies_and_the_other_lives() -> None:
    """A harness that kills everything, or nothing, proves nothing."""
    assert control_fault("wos", conclude(MUTANT, DEAD), PASSED) is None
    assert control_fault("wos", conclude(MUTANT, PASSED), PASSED)
    assert control_fault("wos", conclude(MUTANT, DEAD), DEAD)
    assert control_fault("wos", conclude(MUTANT, DEAD), Seen({RULE: "not-tested"}))
    assert control_fault("wos", conclude(MUTANT, DEAD), Seen({RULE: "passed"}, ("the run was cut",)))


def test_reference_is_clean_and_passes_every_rule_that_has_a_mutant() -> None:
    """Otherwise a kill may be the fault of the judge."""
    assert reference_faults(PASSED, {RULE}) == []
    assert reference_faults(DEAD, ()) == [f"the reference breaks {RULE}"]
    assert reference_faults(PASSED, {OTHER}) == [f"the reference does not pass {OTHER} (not judged)"]


def test_facade_earns_nothing() -> None:
    """Not one pass, and a run that ended."""
    assert facade_fault("wos", "says_yes", DEAD) is None
    assert facade_fault("wos", "says_yes", PASSED)
    assert facade_fault("wos", "says_yes", Seen({}, ("the run ended with None",)))


@pytest.mark.parametrize(("misses", "tried"), [(gate.SECOND_TRIALS, gate.SECOND_TRIALS), (gate.SECOND_TRIALS + 1, 0)])
def test_few_mutants_that_are_missed_are_tried_once_more(
    misses: int, tried: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Alone, and told so; when many are missed, it is not because the machine was busy."""
    chosen, told = list(mutants_of("wos").values())[:8], list[str]()
    missed = {mutant.name for mutant in chosen[:misses]}

    def of_mutant(role: str, mutant: Mutant, credentials: Path, folder: Path) -> Seen:
        alive = mutant == CONTROLS["wos"][MUST_LIVE] or (mutant.name in missed and folder.parent.name != "again")
        return Seen({mutant.requirement: "passed" if alive else "failed"})

    monkeypatch.setattr(gate, "of_mutant", of_mutant)
    monkeypatch.setattr(gate, "of_reference", lambda *arguments: Seen({m.requirement: "passed" for m in chosen}))
    monkeypatch.setattr(gate, "keep", _nothing)
    proof = gate.prove("wos", chosen, tmp_path, tmp_path, tmp_path / "trials", 1, told.append)
    assert (proof.void, set(proof.tried_again)) == (None, missed)
    assert sum(line.startswith("once more: killed") for line in told) == tried
    assert sum(conclusion.outcome == "killed" for conclusion in proof.conclusions) == 8 - misses + tried


def _nothing(*arguments: Any) -> None:
    """In place of what needs files."""
