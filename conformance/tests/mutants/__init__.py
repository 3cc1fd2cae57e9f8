"""The reference with one behaviour changed: each mutant is one sin, and the judge that it names must catch it."""

from importlib import import_module
from pathlib import Path

from mutants.catalogue import AGENT, WOS, Catalogue, Mutant, Role

__all__ = ["CATALOGUES", "Catalogue", "Mutant", "Role", "mutants_of"]

CATALOGUES: dict[Role, Catalogue] = {"wos": WOS, "agent": AGENT}


def mutants_of(role: Role) -> Catalogue:
    """All mutants of a role: one module per area of the specification."""
    for path in sorted((Path(__file__).parent / role).glob("[!_]*.py")):
        import_module(f"{__name__}.{role}.{path.stem}")
    return CATALOGUES[role]
