"""What a judge says, and the register in which each rule has exactly one judge."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from wos_conformance.history import Event, ExchangeView, History
from wos_conformance.specification import Specification


@dataclass(frozen=True)
class Judgement:
    """One occasion on which a rule applied, and whether it was kept; `event` is the place in the history."""

    requirement: str
    kept: bool
    event: int
    did: str = ""
    expected: str = ""
    received: str = ""


Occasions = Iterator[Judgement]
Judge = Callable[[History], Occasions]

REGISTER: dict[str, Judge] = {}


@dataclass(frozen=True)
class Findings:
    """What the judges say of a history; one that stumbled is a fault of the suite, never a verdict on the target."""

    judgements: list[Judgement]
    stumbled: dict[str, str]
    """The requirements whose judge raised an exception, with that exception."""


def judge(requirement: str) -> Callable[[Judge], Judge]:
    """Register a function as the judge of a requirement.

    Raises:
        SpecificationError: the specification has no such requirement.
        ValueError: the requirement has a judge already.
    """
    Specification.load().requirement(requirement)
    if requirement in REGISTER:
        raise ValueError(f"{requirement} has a judge already: {REGISTER[requirement].__qualname__}")

    def register(function: Judge) -> Judge:
        REGISTER[requirement] = function
        return function

    return register


def kept(at: ExchangeView | Event) -> Judgement:
    """The rule was kept here."""
    return Judgement("", kept=True, event=at.seq)


def broken(at: ExchangeView | Event, *, expected: str, received: str, did: str = "") -> Judgement:
    """The rule was broken here; `did` says what led to it and is made from the exchange when left out."""
    return Judgement("", kept=False, event=at.seq, did=did or _did(at), expected=expected, received=received)


def _did(at: ExchangeView | Event) -> str:
    if isinstance(at, ExchangeView):
        return f"{at.method} {at.target[:200]}"
    return f"looked at event {at.seq}"


def judge_history(history: History, only: str | None = None) -> Findings:
    """Ask every judge of the run's role whose feature, if any, is claimed, or only the one of a requirement."""
    specification = Specification.load(history.header.specification)
    found = Findings([], {})
    for part in history.parts:
        _judge_part(part, specification, only, found)
    return found


def _judge_part(history: History, specification: Specification, only: str | None, found: Findings) -> None:
    """Judge what one worker did. Clients belong to one worker, and so do all rules about them."""
    for name, function in REGISTER.items():
        requirement = specification.requirements[name]
        if requirement.role != history.header.role or only not in (None, name):
            continue
        if requirement.feature is not None and requirement.feature not in history.header.features:
            continue
        try:
            found.judgements.extend([replace(judgement, requirement=name) for judgement in function(history)])
        except Exception as error:
            found.stumbled[name] = repr(error)
