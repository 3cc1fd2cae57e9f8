"""Differences between the rules of two versions."""

from collections.abc import Iterator, Mapping

from wos_conformance.comparison.change import Change, Step
from wos_conformance.requirement import Requirement

_STRENGTH = {"MAY": 0, "SHOULD": 1, "MUST": 2}
_JUDGING = ("needs", "schema", "source", "untestable")


def compare(old: Mapping[str, Requirement], new: Mapping[str, Requirement]) -> Iterator[Change]:
    """Rules that came, went, or say something else."""
    for name in [name for name in old if name not in new]:
        step: Step = "major" if old[name].level == "MUST" else "minor"
        yield Change("requirement", name, "removed", step, was=old[name].sentence)
    for name in [name for name in new if name not in old]:
        yield Change("requirement", name, "added", _step_of_addition(new[name]), now=new[name].sentence)
    for name in [name for name in new if name in old]:
        yield from _of_one(old[name], new[name])


def _step_of_addition(rule: Requirement) -> Step:
    """A new obligation of the core makes conformant products non-conformant; one of a feature binds who claims it."""
    return "major" if rule.level == "MUST" and not rule.feature and not rule.contested else "minor"


def _of_one(old: Requirement, new: Requirement) -> Iterator[Change]:
    if old.keyword != new.keyword:
        yield Change("requirement", new.id, _direction(old, new), "major", "level", old.keyword, new.keyword)
    if old.sentence.replace(old.keyword, "", 1) != new.sentence.replace(new.keyword, "", 1):
        yield Change("requirement", new.id, "sentence changed", "minor", "sentence", old.sentence, new.sentence)
    if old.role != new.role:
        yield Change("requirement", new.id, "role changed", "major", "role", old.role, new.role)
    if old.feature != new.feature:
        was, now = old.feature or "core", new.feature or "core"
        yield Change("requirement", new.id, "feature changed", "major", "feature", was, now)
    if old.origin != new.origin:
        yield Change("requirement", new.id, "origin changed", "minor", "origin", old.origin, new.origin)
    if bool(old.contested) != bool(new.contested):
        yield _scoring(new)
    for member in _JUDGING:
        was, now = (_shown(getattr(rule, member)) for rule in (old, new))
        if was != now:
            yield Change("requirement", new.id, f"{member} changed", "patch", member, was, now)


def _scoring(new: Requirement) -> Change:
    if new.contested:
        return Change("requirement", new.id, "no longer scored", "patch", "contested", "", new.contested)
    return Change("requirement", new.id, "scored from now on", "major", "contested")


def _direction(old: Requirement, new: Requirement) -> str:
    if old.keyword.endswith("NOT") != new.keyword.endswith("NOT"):
        return "reversed"
    return "strengthened" if _STRENGTH[new.level] > _STRENGTH[old.level] else "weakened"


def _shown(value: tuple[str, ...] | str | None) -> str:
    return ", ".join(value) if isinstance(value, tuple) else value or ""
