"""How a scenario ended, and the exceptions by which a program ends where it breaks a rule."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from wos_conformance.control import ControlUnsupported
from wos_conformance.judges import Judgement
from wos_conformance.report.terminal import PROGRAM
from wos_conformance.suite.scene import Blocked

Outcome = Literal["played", "broken", "blocked", "repeated", "error"]


class BrokenRule(AssertionError):
    """A rule was seen broken. Each requirement has a subclass, so that a shrink does not slip to another rule."""


_CLASSES: dict[str, type[BrokenRule]] = {}


def broken_rule(requirement: str) -> type[BrokenRule]:
    """The exception class of a requirement."""
    return _CLASSES.setdefault(requirement, type(f"Broken {requirement}", (BrokenRule,), {}))


@dataclass(frozen=True)
class Result:
    """What one scenario showed."""

    name: str
    title: str
    outcome: Outcome
    text: str
    judgements: list[Judgement] = field(default_factory=list)
    requirements: Sequence[str] = ()


def is_blocked(error: BaseException | None) -> bool:
    """Whether the target went no further."""
    return isinstance(error, Blocked | ControlUnsupported)


def programs(error: BaseException) -> list[str]:
    """The minimal programs that Hypothesis noted on its errors, without the steps that only judge."""
    if isinstance(error, BaseExceptionGroup):
        return [text for inner in error.exceptions for text in programs(inner)]
    lines = [line for note in getattr(error, "__notes__", []) for line in note.splitlines()]
    steps = [line for line in lines if not line.endswith(".is_judged()")]
    return [PROGRAM + "\n".join(steps)] if steps else []
