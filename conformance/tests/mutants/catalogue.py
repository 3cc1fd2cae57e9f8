"""How a mutant is written down and committed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Patch = Callable[[Any, str, Any], None]
Sin = Callable[[Patch], None]
Role = Literal["wos", "agent"]


@dataclass(frozen=True)
class Mutant:
    """One sin against one requirement.

    `consequences` are the other requirements that whoever commits it cannot help breaking.
    """

    name: str
    requirement: str
    sin: Sin
    consequences: frozenset[str] = frozenset()

    @property
    def told(self) -> str:
        """What it does, in one sentence."""
        return (self.sin.__doc__ or "").strip()

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

    def against(self, requirement: str, *, consequences: tuple[str, ...] = ()) -> Callable[[Sin], Sin]:
        """Write a sin into the catalogue, under the requirement whose judge must catch it.

        Raises:
            ValueError: there is a sin of this name already.
        """

        def write(sin: Sin) -> Sin:
            if sin.__name__ in self:
                raise ValueError(f"two sins are called {sin.__name__}")
            self[sin.__name__] = Mutant(sin.__name__, requirement, sin, frozenset(consequences))
            return sin

        return write


WOS = Catalogue()
AGENT = Catalogue()
