"""How a mutant is written down and committed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Patch = Callable[[Any, str, Any], None]
Sin = Callable[[Patch], None]


@dataclass(frozen=True)
class Mutant:
    """One sin against one requirement."""

    name: str
    requirement: str
    sin: Sin

    def commit(self) -> None:
        """Change the reference in this process.

        Raises:
            AttributeError: the place that the sin changes does not exist.
        """
        self.sin(_patch)


def _patch(owner: Any, name: str, replacement: Any) -> None:
    if not hasattr(owner, name):
        raise AttributeError(f"{owner!r} has no {name!r}; the mutant no longer fits the reference")
    setattr(owner, name, replacement)


class Catalogue(dict[str, Mutant]):
    """The mutants of one role by name."""

    def against(self, requirement: str) -> Callable[[Sin], Sin]:
        """Write a sin into the catalogue, under the requirement whose judge must catch it."""

        def write(sin: Sin) -> Sin:
            self[sin.__name__] = Mutant(sin.__name__, requirement, sin)
            return sin

        return write
