"""Which rules apply to a product, and how many of them a run can reach: without the test control, and with it."""

import re
from collections.abc import Sequence

from wos_conformance.requirement import Requirement, Role
from wos_conformance.specification import Specification

BY_HAND = frozenset({"start"})
"""Verbs which a person carries out once before a run without test control."""

_WITHOUT = re.compile(r"when it does not claim the feature `([^`]+)`")
"""Words in a sentence which say that the rule binds only a product that does not claim a feature."""


def binds(requirement: Requirement, features: Sequence[str]) -> bool:
    """Whether a rule applies to a product that claims these features."""
    return requirement.feature in (None, *features) and excluded(requirement) not in features


def excluded(requirement: Requirement) -> str | None:
    """The feature whose claim takes a product out of a rule; None when there is none."""
    without = _WITHOUT.search(requirement.sentence)
    return without[1] if without else None


def is_reached(requirement: Requirement, level: int) -> bool:
    """Whether a run of this level can give occasion to a rule: 0 without test control, 1 with it."""
    if requirement.untestable is not None:
        return False
    return level > 0 or set(requirement.needs) <= (BY_HAND if requirement.role == "agent" else frozenset())


def reach(specification: Specification, role: Role, features: Sequence[str]) -> dict[str, int]:
    """The number of applicable MUSTs that each level reaches, by the name of the level."""
    applicable = [
        requirement
        for requirement in specification.role(role)
        if requirement.level == "MUST" and binds(requirement, features)
    ]
    return {str(level): sum(is_reached(requirement, level) for requirement in applicable) for level in (0, 1)}
