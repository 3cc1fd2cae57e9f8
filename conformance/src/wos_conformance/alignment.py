"""How the specification answers each rule of Margo 1.0.0-rc.3: with requirements, or with a reason why it has none."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from wos_conformance.specification import Specification, SpecificationError

SOURCE = "margo-alignment.yaml"
PAGE = "margo-alignment.md"
KINDS = {
    "other party": "binds somebody who is neither a WOS nor an agent",
    "out of scope": "is not about the interface between a WOS and an agent, or is left out by decision",
    "superseded": "is overtaken by a newer text of the same publisher",
    "covered": "needs no rule of its own, because what is named covers it",
    "freedom": "allows something and asks for nothing",
    "not judged": "cannot be seen from outside, and binds nobody here",
}
_NUMBER = re.compile(r"N\d{3}")
_HEAD = """# Alignment with Margo 1.0.0-rc.3

Written by `make generate` from [{source}]({source}) and the sources in [requirements.yaml](requirements.yaml).

The numbers are ours: the published text has none.
Each line says in a few words what the published text asks of whom.
The answer of this version is rules of its own, or a reason of one of these kinds:

| Kind | A published rule of this kind |
|---|---|
{kinds}

{counted}

| No. | Binds | Published rule, in short | Answer |
|---|---|---|---|
{rows}
"""


@dataclass(frozen=True)
class Line:
    """One published rule and its answer: the ids of requirements, or a kind of reason and the reason."""

    number: str
    binds: str
    says: str
    requirements: tuple[str, ...]
    kind: str | None
    because: str | None


def documents(root: Path) -> dict[Path, str]:
    """The page of alignment of version 1.0, by its path in the repository."""
    folder = root / "spec" / "v1.0"
    return {Path("spec/v1.0") / PAGE: page(lines(Specification.read(folder)))}


def lines(specification: Specification) -> list[Line]:
    """All published rules in order.

    Raises:
        SpecificationError: one has neither rules nor a reason, or both, or a requirement names one that is not listed.
    """
    rules = yaml.safe_load((specification.folder / SOURCE).read_bytes())
    answers: dict[str, list[str]] = {number: [] for number in rules}
    for requirement in specification.requirements.values():
        for number in requirement.source:
            if number not in answers:
                raise SpecificationError(f"{requirement.id} names the source {number}, which {SOURCE} does not list")
            answers[number].append(requirement.id)
    return [_line(number, rule, tuple(answers[number])) for number, rule in rules.items()]


def _line(number: str, rule: dict[str, Any], requirements: tuple[str, ...]) -> Line:
    if not _NUMBER.fullmatch(number):
        raise SpecificationError(f"{number} in {SOURCE} is not the number of a rule")
    if requirements and "because" in rule:
        raise SpecificationError(f"{number} in {SOURCE} has a reason, and rules: {requirements[0]}; drop the reason")
    if not requirements and rule.get("kind") not in KINDS:
        raise SpecificationError(
            f"{number} in {SOURCE} has no rule and no kind of reason; add one of: {', '.join(KINDS)}"
        )
    return Line(number, rule["binds"], rule["says"], requirements, rule.get("kind"), rule.get("because"))


def page(found: list[Line]) -> str:
    """The page that shows the lines."""
    kinds = "\n".join(f"| {kind} | {meaning} |" for kind, meaning in KINDS.items())
    answered = sum(bool(line.requirements) for line in found)
    counted = (
        f"Of {len(found)} published rules, {answered} are answered by rules and {len(found) - answered} by a reason."
    )
    return _HEAD.format(source=SOURCE, kinds=kinds, counted=counted, rows="\n".join(_rows(found)))


def _rows(found: list[Line]) -> Iterator[str]:
    for line in found:
        rules = ", ".join(f"[{name}]({name.partition('.')[0]}.md)" for name in line.requirements)
        yield f"| {line.number} | {line.binds} | {line.says} | {rules or f'{line.kind}: {line.because}'} |"
