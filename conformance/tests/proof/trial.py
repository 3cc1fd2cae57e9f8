"""One trial: scenarios are played against a target, and it is read what the judges say of it."""

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

from facades import BRIEFLY, RUN_BRIEFLY
from mutants import Mutant, Role
from mutated import CLAIMED, COMMITTED, LOG, RUN, Done, judged_facade, judged_mutant, judged_reference
from wos_conformance.specification import Specification

_CRASHED = "Traceback (most recent call last)"
_EXCEPTION = re.compile(r"[A-Za-z_.]+(Error|Exception): [^\n\\\\]{,200}")


@dataclass(frozen=True)
class Seen:
    """What the judges say of a target: a state for each requirement, and why nothing can be concluded from it."""

    states: dict[str, str]
    faults: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def broken(self) -> frozenset[str]:
        """The requirements that were seen broken."""
        return self._in("failed")

    @property
    def passed(self) -> frozenset[str]:
        """The requirements that passed."""
        return self._in("passed")

    def _in(self, state: str) -> frozenset[str]:
        return frozenset(name for name, found in self.states.items() if found == state)


def of_mutant(role: Role, mutant: Mutant, credentials: Path, folder: Path, deadline: float = 120.0) -> Seen:
    """Play the scenarios of the mutant's requirement against it."""
    began = time.monotonic()
    options = ("--only", mutant.requirement, *_claims(role, mutant.requirement))
    try:
        done = judged_mutant(role, mutant.name, credentials, folder, *options, deadline=deadline)
    except RuntimeError as error:
        return Seen({}, (f"it did not start: {error}",), time.monotonic() - began)
    states, faults = _report(folder, done)
    if not (folder / COMMITTED).exists():
        faults += ("its sin was never committed",)
    return Seen(states, faults + _crash(folder), time.monotonic() - began)


def of_reference(
    role: Role, credentials: Path, folder: Path, requirement: str | None = None, deadline: float = 900.0
) -> Seen:
    """Play all scenarios against the reference, or those of a requirement whose feature needs a run of its own."""
    began = time.monotonic()
    options = ("--only", requirement, *_claims(role, requirement)) if requirement else ()
    states, faults = _report(folder, judged_reference(role, credentials, folder, *options, deadline=deadline))
    return Seen(states, faults + _crash(folder), time.monotonic() - began)


def needs_own_run(role: Role, requirement: str) -> bool:
    """Whether a requirement belongs to a feature that the usual run does not claim."""
    return bool(_claims(role, requirement))


def _claims(role: Role, requirement: str) -> tuple[str, ...]:
    feature = Specification.load().requirement(requirement).feature
    return ("--feature", feature) if feature and feature not in CLAIMED[role] else ()


def of_facade(role: Role, name: str, recording: Path, credentials: Path, folder: Path, deadline: float = 900.0) -> Seen:
    """Play all scenarios against a facade, or a few when each of them costs a timeout; no report is no pass."""
    began = time.monotonic()
    options = [word for requirement in RUN_BRIEFLY if name in BRIEFLY for word in ("--only", requirement)]
    done = judged_facade(role, name, recording, credentials, folder, *options, deadline=deadline)
    states, _ = _report(folder, done)
    faults = () if done.code in (1, 3) else (f"the run ended with {done.code}",)
    return Seen(states, faults, time.monotonic() - began)


def _report(folder: Path, done: Done) -> tuple[dict[str, str], tuple[str, ...]]:
    """States by requirement, and why nothing can be concluded from them."""
    if done.code is None:
        return {}, ("the run did not end in time",)
    report = folder / RUN / "report.json"
    if not report.exists():
        return {}, (f"the run left no report: {done.told[-500:].strip()}",)
    value = json.loads(report.read_bytes())
    faults = tuple(value["conclusion"]["reasons"]) if done.code == 3 else ()
    return {row["id"]: row["state"] for row in value["requirements"]}, faults


def _crash(folder: Path) -> tuple[str, ...]:
    """The last exception in the log of the target, if there is one."""
    _, crashed, trace = (folder / LOG).read_text("utf-8", "replace").rpartition(_CRASHED)
    told = _EXCEPTION.search(trace)
    return (f"it crashed: {told[0] if told else 'nobody knows why'}",) if crashed else ()
