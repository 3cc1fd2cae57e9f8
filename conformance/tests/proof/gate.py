"""The gate: all trials of a role, several at once, and what follows from them."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from facades import FACADES
from mutants import Mutant, Role, mutants_of
from mutants.control import CONTROLS, MUST_DIE, MUST_LIVE
from proof.conclusion import Conclusion, conclude, control_fault, facade_fault, reference_faults
from proof.recording import keep, recorded, unnoticed
from proof.trial import Seen, needs_own_run, of_facade, of_mutant, of_reference

AGENTS_PER_WORKER = 3
"""An agent is mostly waited for."""
REFERENCE = "reference"
SECOND_TRIALS = 5
"""How many mutants may be tried once more; if more are not killed, it is not because the machine was busy."""

Tell = Callable[[str], None]


@dataclass
class Proof:
    """What the trials of one role have shown."""

    role: Role
    void: str | None = None
    reference: list[str] = field(default_factory=list)
    facades: dict[str, str | None] = field(default_factory=dict)
    conclusions: list[Conclusion] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    tried_again: list[str] = field(default_factory=list)
    """The mutants that were not killed at once, and then tried alone."""
    unnoticed: dict[str, list[str]] = field(default_factory=dict)
    """For each rule, what could become of its judge without that anybody noticed."""

    @property
    def passed(self) -> int:
        """What showed what is demanded: mutants, facades, judges, the reference, the two controls as one."""
        killed = sum(conclusion.outcome == "killed" for conclusion in self.conclusions)
        empty = sum(fault is None for fault in self.facades.values())
        needed = sum(not ways for ways in self.unnoticed.values())
        return killed + empty + needed + (not self.reference) + (self.void is None)

    @property
    def failed(self) -> int:
        """What did not."""
        return len(self.conclusions) + len(self.facades) + len(self.unnoticed) + 2 - self.passed


def prove(
    role: Role, chosen: Collection[Mutant], recordings: Path, credentials: Path, folder: Path, workers: int, tell: Tell
) -> Proof:
    """Put the reference, the controls and the chosen mutants on trial below `folder`; what happened is recorded."""
    known = {mutant.name: mutant for mutant in [*CONTROLS[role].values(), *chosen]}
    seen: dict[str, Seen] = {}
    with ThreadPoolExecutor(workers * (AGENTS_PER_WORKER if role == "agent" else 1)) as pool:
        reference = pool.submit(of_reference, role, credentials, folder / REFERENCE)
        trials = {reference: REFERENCE}
        for rule in {m.requirement for m in chosen if needs_own_run(role, m.requirement)}:
            trials[pool.submit(of_reference, role, credentials, folder / rule, rule)] = rule
        for mutant in known.values():
            trials[pool.submit(of_mutant, role, mutant, credentials, folder / mutant.name)] = mutant.name
        for done in as_completed(trials):
            name = trials[done]
            seen[name] = done.result()
            keep(folder / name, recordings / name)
            tell(_line(role, name, seen[name], known.get(name)))
    again = [mutant for mutant in chosen if conclude(mutant, seen[mutant.name]).outcome != "killed"]
    for mutant in again if len(again) <= SECOND_TRIALS else ():
        place = folder / "again" / mutant.name
        seen[mutant.name] = of_mutant(role, mutant, credentials, place)
        keep(place, recordings / mutant.name)
        tell(f"once more: {_line(role, mutant.name, seen[mutant.name], mutant)}")
    proof = conclude_all(role, chosen, seen)
    proof.tried_again = [mutant.name for mutant in again]
    return proof


def prove_facades(
    role: Role, recordings: Path, credentials: Path, folder: Path, workers: int, tell: Tell
) -> dict[str, str | None]:
    """Put the facades of a role on trial; the reference must have been on trial before."""
    with ThreadPoolExecutor(workers * (AGENTS_PER_WORKER if role == "agent" else 1)) as pool:
        recording = recordings / REFERENCE
        trials = {
            pool.submit(of_facade, role, name, recording, credentials, folder / name): name for name in FACADES[role]
        }
        faults = {}
        for done in as_completed(trials):
            name, seen = trials[done], done.result()
            faults[name] = facade_fault(role, name, seen)
            tell(f"{'lifeless' if faults[name] is None else 'alive':<12} {seen.seconds:5.1f} s  {role} {name}")
    return faults


def conclude_all(role: Role, chosen: Collection[Mutant], seen: dict[str, Seen]) -> Proof:
    """The proof that follows from what was seen of the reference, of the controls and of the chosen mutants."""
    must_die = conclude(CONTROLS[role][MUST_DIE], seen[MUST_DIE])
    return Proof(
        role,
        control_fault(role, must_die, seen[MUST_LIVE]),
        _reference_faults(role, chosen, seen),
        conclusions=[conclude(mutant, seen[mutant.name]) for mutant in chosen],
        seconds={name: shown.seconds for name, shown in seen.items()},
    )


def prove_judges(role: Role, chosen: Collection[Mutant], recordings: Path) -> dict[str, list[str]]:
    """Weaken each judge in turn, and conclude from the recorded histories of the reference and of the mutants."""
    histories = {mutant: recorded(recordings / mutant.name) for mutant in chosen}
    apart = {m.requirement for m in chosen if needs_own_run(role, m.requirement)}
    references = {rule: recorded(recordings / rule) for rule in apart}
    return unnoticed(role, recorded(recordings / REFERENCE), references, histories)


def _reference_faults(role: Role, chosen: Collection[Mutant], seen: dict[str, Seen]) -> list[str]:
    rules = {mutant.requirement for mutant in chosen}
    apart = {rule for rule in rules if needs_own_run(role, rule)}
    faults = reference_faults(seen[REFERENCE], rules - apart)
    return faults + [fault for rule in sorted(apart) for fault in reference_faults(seen[rule], {rule})]


def chosen_mutants(role: Role, words: Collection[str]) -> list[Mutant]:
    """The mutants of a role that are called so or sin against a requirement that is called so; all without words."""
    return [m for m in mutants_of(role).values() if not words or {m.name, m.requirement} & set(words)]


def _line(role: Role, name: str, seen: Seen, mutant: Mutant | None) -> str:
    if mutant is None or name == MUST_LIVE:
        shown = "; ".join([*seen.faults, *sorted(seen.broken)])[:200]
        return f"{'ran':<12} {seen.seconds:5.1f} s  {role} {name} {shown}"
    conclusion = conclude(mutant, seen)
    return f"{conclusion.outcome:<12} {seen.seconds:5.1f} s  {mutant.requirement} {name} {conclusion.told[:300]}"


def faults(proof: Proof) -> Iterator[str]:
    """All that stands against the proof, one sentence each."""
    if proof.void:
        yield f"void: {proof.void}"
    yield from (f"{proof.role}: {fault}" for fault in proof.reference)
    yield from (fault for fault in proof.facades.values() if fault)
    for rule, ways in proof.unnoticed.items():
        yield from (f"{proof.role}: nobody would notice if the judge of {rule} {way}" for way in ways)
    for conclusion in proof.conclusions:
        if conclusion.outcome != "killed":
            yield f"{proof.role} {conclusion.mutant.name} {conclusion.outcome}: {conclusion.told}"
