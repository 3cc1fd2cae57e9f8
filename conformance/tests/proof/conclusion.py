"""What follows from what the judges say of a mutant; pure, so that recorded histories can be concluded again."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from mutants import Mutant
from proof.trial import Seen

Outcome = Literal["killed", "survived", "spilled", "inconclusive"]


@dataclass(frozen=True)
class Conclusion:
    """The fate of a mutant, and a sentence about it when it is not the one that is demanded."""

    mutant: Mutant
    outcome: Outcome
    told: str = ""


def conclude(mutant: Mutant, seen: Seen) -> Conclusion:
    """Killed by the judge of its requirement, and by no unrelated one; or why not."""
    if seen.faults:
        return Conclusion(mutant, "inconclusive", "; ".join(seen.faults))
    if mutant.requirement not in seen.broken:
        state = seen.states.get(mutant.requirement, "not judged")
        return Conclusion(mutant, "survived", f"{mutant.requirement} is {state}")
    if spilled := seen.broken - mutant.consequences - {mutant.requirement}:
        return Conclusion(mutant, "spilled", f"breaks {', '.join(sorted(spilled))} as well")
    return Conclusion(mutant, "killed")


def reference_faults(seen: Seen, mutated: Collection[str]) -> list[str]:
    """What the unmutated reference must not show: a broken rule, or one with mutants that it does not pass."""
    faults = list(seen.faults) + [f"the reference breaks {name}" for name in sorted(seen.broken)]
    lacking = [name for name in sorted(mutated) if seen.states.get(name) != "passed" and name not in seen.broken]
    return faults + [f"the reference does not pass {name} ({seen.states.get(name, 'not judged')})" for name in lacking]


def control_fault(role: str, must_die: Conclusion, must_live: Seen) -> str | None:
    """Why the whole proof is void, if it is."""
    requirement = must_die.mutant.requirement
    if must_die.outcome not in ("killed", "spilled"):
        return f"{role}: the control mutant must die and {must_die.outcome}: {must_die.told}"
    if must_live.faults or must_live.broken or must_live.states.get(requirement) != "passed":
        shown = "; ".join([*must_live.faults, *sorted(must_live.broken)]) or f"{requirement} did not pass"
        return f"{role}: the control twin must live and does not: {shown}"
    return None


def facade_fault(role: str, name: str, seen: Seen) -> str | None:
    """What a target without a life was given credit for, if anything."""
    if seen.passed:
        return f"{role}: a target that {name} passes {', '.join(sorted(seen.passed))}"
    return f"{role}: a target that {name}: {'; '.join(seen.faults)}" if seen.faults else None
