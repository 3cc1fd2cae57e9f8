"""How many rules a run can reach: without the test control, and with it."""

from collections.abc import Sequence

from wos_conformance.requirement import Requirement, Role
from wos_conformance.specification import Specification

BY_HAND = frozenset({"start"})
"""Verbs which a person carries out once before a run without test control."""


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
        if requirement.level == "MUST" and (requirement.feature is None or requirement.feature in features)
    ]
    return {str(level): sum(is_reached(requirement, level) for requirement in applicable) for level in (0, 1)}
