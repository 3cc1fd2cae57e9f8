"""What differs between two versions of the specification, and which step of the version that asks for."""

from wos_conformance.comparison import interface, registry, rule, schema
from wos_conformance.comparison.change import STEPS, Change, Step, largest
from wos_conformance.specification import Specification

__all__ = ["STEPS", "Change", "Step", "compare", "largest"]


def compare(old: Specification, new: Specification) -> list[Change]:
    """All changes from one version to another: rules, schemas, operations, problem types, features."""
    return [
        *rule.compare(old.requirements, new.requirements),
        *schema.compare(old.schemas, new.schemas),
        *interface.compare(old, new),
        *registry.compare("problem type", old.problem_types, new.problem_types),
        *registry.compare("feature", old.features, new.features),
    ]
