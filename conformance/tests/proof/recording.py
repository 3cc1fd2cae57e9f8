"""Recorded histories: what was seen once can be judged again, with other judges, without a network."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mutants import Mutant, Role
from mutants.excused import EXCUSED
from mutated import RUN
from proof.conclusion import conclude, reference_faults
from proof.trial import Seen
from wos_conformance.history import History
from wos_conformance.judges import REGISTER, Occasions, judge_history, kept
from wos_conformance.judges.judgement import Judge
from wos_conformance.specification import Specification
from wos_conformance.verdict import fold

_PARTS = ("history.ndjson", "blobs")


def keep(trial: Path, place: Path) -> None:
    """Keep the history of a trial, and nothing else of it."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for part in _PARTS:
        if (found := trial / RUN / part).exists():
            shutil.move(found, place / part)


def recorded(place: Path) -> History:
    """The history that was kept here, as far as it came."""
    return History.read(place, allow_cut=True)


def judged_again(history: History, only: str | None = None) -> Seen:
    """What the judges say of a recorded history now."""
    verdict = fold(Specification.load(), history, judge_history(history, only))
    return Seen({name: outcome.state for name, outcome in verdict.outcomes.items()}, verdict.faults)


def _always_kept(history: History) -> Occasions:
    yield kept(history.events[0])


def _never_asked(history: History) -> Occasions:
    yield from ()


WEAKENED: dict[str, Judge | None] = {"always says kept": _always_kept, "says nothing": _never_asked, "is gone": None}


def unnoticed(
    role: Role, reference: History, references: Mapping[str, History], histories: Mapping[Mutant, History]
) -> dict[str, list[str]]:
    """For each rule, what could become of its judge without that the recorded histories told it; empty is good.

    `references` has the histories of the reference for rules that need a run of their own.
    """
    rules = [row.id for row in Specification.load().role(role) if row.id in REGISTER and row.id not in EXCUSED]
    found = {}
    for rule in rules:
        mine = {mutant: history for mutant, history in histories.items() if mutant.requirement == rule}
        clean = references.get(rule, reference)
        found[rule] = [what for what, judge in WEAKENED.items() if not is_noticed(rule, judge, clean, mine)]
    return found


def is_noticed(rule: str, judge: Judge | None, reference: History, mine: Mapping[Mutant, History]) -> bool:
    """Whether the gate fails on these histories when the judge of a rule is this one, or none at all."""
    with _replaced(rule, judge):
        fates = [conclude(mutant, judged_again(history, rule)).outcome for mutant, history in mine.items()]
        return "survived" in fates or bool(reference_faults(judged_again(reference, rule), [rule]))


@contextmanager
def _replaced(rule: str, judge: Judge | None) -> Iterator[None]:
    before = dict(REGISTER)
    if judge is None:
        del REGISTER[rule]
    else:
        REGISTER[rule] = judge
    try:
        yield
    finally:
        REGISTER.clear()
        REGISTER.update(before)
