"""What the gate concludes from what judges say: only a clean kill is a kill."""

import pytest

from mutants import Mutant
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
