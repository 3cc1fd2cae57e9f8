"""Folds judgements into a verdict: no occasion, no pass; no sign of life, no pass; one broken occasion fails."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from wos_conformance.history import ExchangeView, Footer, History, Mark
from wos_conformance.judges import Findings, Judgement
from wos_conformance.reach import binds, excluded, is_reached
from wos_conformance.requirement import Requirement
from wos_conformance.specification import Specification

State = Literal["passed", "failed", "not-applicable", "not-tested", "error"]

_RARE = 8
"""So many letters of a made-up name occur nowhere by chance."""

CLAIMS = {"margo-1.0.0-rc.3": ("margo",), "wos-agent-1.0": ("margo", "resolved", "added")}


@dataclass(frozen=True)
class Outcome:
    """The verdict on one requirement."""

    requirement: Requirement
    state: State
    occasions: int = 0
    broken: int = 0
    first_broken: Judgement | None = None
    reason: str | None = None

    @property
    def scored(self) -> bool:
        """Whether the outcome counts for a claim."""
        return self.requirement.contested is None and self.requirement.untestable is None


@dataclass(frozen=True)
class Verdict:
    """The verdict on a run: all outcomes, and what stands against a claim."""

    outcomes: dict[str, Outcome]
    faults: tuple[str, ...]
    """Why nothing can be concluded; empty when something can."""
    diagnostic: tuple[str, ...]
    """Why the run is no claim, whatever it shows."""

    @property
    def conformant(self) -> bool:
        """Whether every applicable MUST passed, in a run that can be a claim."""
        return self.exit_code == 0

    @property
    def exit_code(self) -> int:
        """0 conformant, 1 not conformant, 3 could not judge."""
        if self.faults or not any(outcome.occasions for outcome in self.outcomes.values()):
            return 3
        return 1 if self.reasons else 0

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the exit code is not 0, in sentences."""
        if self.faults:
            return self.faults
        if not any(outcome.occasions for outcome in self.outcomes.values()):
            return ("no rule had an occasion",)
        against = self._against(("margo", "resolved", "added"))
        names = {"failed": "failed", "not-tested": "not tested", "error": "could not be judged"}
        told = [f"{count} MUST {names[state]}" for state, count in _counted(against).items()]
        return (*told, *self.diagnostic)

    @property
    def claims(self) -> dict[str, bool]:
        """For each claim, whether the run supports it."""
        usable = not self.faults and not self.diagnostic and any(o.occasions for o in self.outcomes.values())
        return {claim: usable and not self._against(origins) for claim, origins in CLAIMS.items()}

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """How many requirements of each key word are in each state."""
        found: dict[str, dict[str, int]] = {}
        for outcome in self.outcomes.values():
            states = found.setdefault(outcome.requirement.level, {})
            states[outcome.state] = states.get(outcome.state, 0) + 1
        return found

    def _against(self, origins: Sequence[str]) -> list[Outcome]:
        return [
            outcome
            for outcome in self.outcomes.values()
            if outcome.requirement.level == "MUST"
            and outcome.scored
            and outcome.requirement.origin in origins
            and outcome.state in {"failed", "not-tested", "error"}
        ]


def _counted(outcomes: Iterable[Outcome]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for outcome in outcomes:
        counts[outcome.state] = counts.get(outcome.state, 0) + 1
    return counts


def fold(specification: Specification, history: History, findings: Findings) -> Verdict:
    """The verdict on the run that this history tells, by what the judges found in it."""
    header = history.header
    lifeless = missing_signs_of_life(history)
    void = _void_attempts(history)
    grouped: dict[str, list[Judgement]] = {}
    for judgement in findings.judgements:
        grouped.setdefault(judgement.requirement, []).append(judgement)
    blocked = _blocked(history)
    outcomes = {}
    for requirement in specification.role(header.role):
        mine = grouped.get(requirement.id, [])
        if stumbled := findings.stumbled.get(requirement.id):
            outcomes[requirement.id] = Outcome(requirement, "error", reason=f"its judge stumbled: {stumbled}")
        else:
            outcomes[requirement.id] = _outcome(
                requirement, mine, header.features, lifeless, void, blocked, header.level
            )
    faults = _faults(history) + [f"the judge of {name} stumbled: {why}" for name, why in findings.stumbled.items()]
    return Verdict(outcomes, tuple(faults), tuple(header.diagnostic))


def _outcome(
    requirement: Requirement,
    judgements: Sequence[Judgement],
    features: Sequence[str],
    lifeless: str | None,
    void: Sequence[range],
    blocked: dict[str, str],
    level: int,
) -> Outcome:
    if not binds(requirement, features):
        claimed = f"{requirement.feature} is not" if requirement.feature else f"{excluded(requirement)} is"
        return Outcome(requirement, "not-applicable", reason=f"feature {claimed} claimed")
    broken = [judgement for judgement in judgements if not judgement.kept]
    counted = [j for j in judgements if not j.kept or not any(j.event in attempt for attempt in void)]
    if broken:
        first = min(broken, key=lambda judgement: judgement.event)
        return Outcome(requirement, "failed", len(counted), len(broken), first)
    if requirement.untestable:
        return Outcome(requirement, "not-tested", reason=requirement.untestable)
    if not counted:
        lacking = f"needs the test control ({', '.join(requirement.needs)})"
        absent = "no occasion" if is_reached(requirement, level) else lacking
        reason = "its positive twin was not served" if judgements else blocked.get(requirement.id, absent)
        return Outcome(requirement, "not-tested", reason=reason)
    if lifeless:
        return Outcome(requirement, "not-tested", len(counted), reason=f"no sign of life: {lifeless}")
    return Outcome(requirement, "passed", len(counted))


def _faults(history: History) -> list[str]:
    ends = history.ends
    footers = [end for end in ends if isinstance(end, Footer)]
    if len(footers) < len(ends):
        return ["the run was cut before its end"]
    faults = [] if all(footer.complete for footer in footers) else ["not all scenarios were played"]
    errors = [error for footer in footers for error in footer.errors]
    return faults + [f"the harness stumbled: {error}" for error in errors[:5]]


def _blocked(history: History) -> dict[str, str]:
    """For each requirement that a scenario wanted to give occasion to, what stopped the last such scenario."""
    ends = {mark.name: mark for mark in history.of(Mark) if mark.what == "scenario" and mark.phase == "end"}
    told: dict[str, str] = {}
    for begin in history.of(Mark):
        end = ends.get(begin.name)
        if begin.what == "scenario" and begin.phase == "begin" and end and end.outcome == "blocked":
            reason = end.reason.rpartition("went no further: ")[2]
            told |= dict.fromkeys(begin.requirements, f"blocked in {begin.name}: {reason}")
    return told


def _void_attempts(history: History) -> list[range]:
    """The spans of attempts whose positive twin was not served: nothing kept in them counts."""
    served = {view.seq: (view.status or 500) < 400 for view in history.exchanges()}
    return [
        range(begin.seq, end.seq + 1)
        for part in history.parts
        for begin, end in _attempts(part)
        if not served.get(end.twin or 0, False)
    ]


def _attempts(part: History) -> Iterator[tuple[Mark, Mark]]:
    """Beginning and end of each attempt that has a twin."""
    begins: list[Mark] = []
    for mark in part.of(Mark):
        if mark.what != "attempt" or mark.twin is None:
            continue
        if mark.phase == "begin":
            begins.append(mark)
        else:
            yield begins.pop(), mark


def missing_signs_of_life(history: History) -> str | None:
    """What the target has not shown yet of the least that a living one shows; None when it has shown all."""
    return _wos_lacks(history) if history.header.role == "wos" else _agent_lacks(history)


def _wos_lacks(history: History) -> str | None:
    stored = {view.client for view in history.exchanges("capabilities-put") if view.status in (200, 201)}
    if not stored:
        return "it accepted the capabilities of no device"
    tags = {(view.client, view.header("etag")) for view in history.exchanges("manifest", 200) if _is_manifest(view)}
    confirmed = {(v.client, v.request_header("if-none-match")) for v in history.exchanges("manifest", 304)}
    if not tags & confirmed:
        return "no manifest that it served was confirmed by a conditional poll"
    return "no document that it served names a component that was assigned" if _assigns_in_vain(history) else None


def _assigns_in_vain(history: History) -> bool:
    """Whether components were assigned whose names nobody else makes up, and no document has one of them."""
    names = {name for control in history.controls("assign") for name in _component_names(control.request)}
    return bool(names) and not any(name in view.body for view in history.exchanges("document", 200) for name in names)


def _component_names(request: dict[str, Any]) -> list[bytes]:
    profiles = request["application"]["deploymentProfiles"]
    names = [part["name"].encode() for profile in profiles for part in profile["components"]]
    return [name for name in names if len(name) >= _RARE]


def _is_manifest(view: ExchangeView) -> bool:
    try:
        return Specification.load().is_valid("desired-state-manifest", view.json())
    except ValueError:
        return False


def _agent_lacks(history: History) -> str | None:
    if not any(view.status in (200, 201) for view in history.exchanges("capabilities-put")):
        return "it announced no device"
    if sum(1 for _ in history.exchanges("manifest")) < 2:
        return "it did not poll"
    downloads = [*history.exchanges("document", 200), *history.exchanges("bundle", 200)]
    return None if any(view.complete for view in downloads) else "it downloaded no deployment"
