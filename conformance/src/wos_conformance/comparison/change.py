"""One difference between two versions, and the least step of the version number that it asks for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Step = Literal["patch", "minor", "major"]
Part = Literal["requirement", "schema", "operation", "component", "problem type", "feature"]

STEPS: tuple[Step, ...] = ("patch", "minor", "major")


@dataclass(frozen=True)
class Change:
    """What changed: `kind` is one word or two, `place` a JSON pointer or the name of a member, empty for the whole."""

    part: Part
    name: str
    kind: str
    step: Step
    place: str = ""
    was: str = ""
    now: str = ""


def largest(changes: Iterable[Change]) -> Step | None:
    """The step that all changes together ask for; None when nothing changed."""
    return max((change.step for change in changes), key=STEPS.index, default=None)
