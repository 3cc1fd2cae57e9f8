"""The gate fails when any one judge is gone, says nothing, or always says *kept*: shown for each, on told histories."""

from functools import cache

import pytest

from mutants import Mutant
from proof.conclusion import conclude, reference_faults
from proof.recording import WEAKENED, is_noticed, judged_again
from synthetic import happened, lived
from tales import Tale, all_tales
from wos_conformance.history import History
from wos_conformance.judges import REGISTER

TALES: dict[str, Tale] = {tale.requirement: tale for tale in reversed(all_tales())}


@cache
def shown(requirement: str) -> tuple[History, dict[Mutant, History]]:
    """The whole history of a target that keeps a rule, and of one that sins against it."""
    good, bad = (lived(happened(TALES[requirement], sin=sin)) for sin in (False, True))
    return good, {Mutant("sins", requirement, lambda patch: None): bad}


@pytest.mark.parametrize("requirement", sorted(REGISTER))
def test_gate_is_content_with_the_judge(requirement: str) -> None:
    """As it is, the reference is clean and the mutant is killed."""
    reference, mutants = shown(requirement)
    assert reference_faults(judged_again(reference, requirement), [requirement]) == []
    assert [conclude(mutant, judged_again(seen, requirement)).outcome for mutant, seen in mutants.items()] == ["killed"]


@pytest.mark.parametrize("requirement", sorted(REGISTER))
def test_gate_fails_without_the_judge(requirement: str) -> None:
    """A mutant survives, or nothing is known of the reference."""
    reference, mutants = shown(requirement)
    before = list(REGISTER)
    noticed = [what for what, judge in WEAKENED.items() if is_noticed(requirement, judge, reference, mutants)]
    assert noticed == list(WEAKENED)
    assert list(REGISTER) == before
