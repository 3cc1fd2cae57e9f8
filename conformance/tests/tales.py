"""Stories of judges: for each requirement at least one that keeps it, and breaks it when it is told with a sin."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from wos_conformance.history import History
from wos_conformance.judges import REGISTER

Tell = Callable[[Any, bool], None]


class Tales(dict[str, Tell]):
    """Stories of one area, each under its requirement; `features` are those that the target claims in them."""

    told: list["Tales"] = []  # noqa: RUF012 - every collection of the house stands here

    def __init__(self, teller: Callable[..., Any], *features: str) -> None:
        super().__init__()
        self._teller = teller
        self._features = features
        self.told.append(self)

    def of(self, requirement: str) -> Callable[[Tell], Tell]:
        """Write a story down; several stories of one requirement are told apart by `#`."""

        def write(tell: Tell) -> Tell:
            name = requirement
            while name in self:
                name += "#"
            self[name] = tell
            return tell

        return write

    def history(self, name: str, *, sin: bool) -> History:
        """The story of this name as a history."""
        story = self._teller(self._features)
        self[name](story, sin)
        history: History = story.history
        return history

    def assert_judged(self, name: str) -> None:
        """Told without sin the story has occasions and keeps the rule on all; told with it, the rule is broken."""
        requirement = name.rstrip("#")
        good = list(REGISTER[requirement](self.history(name, sin=False)))
        bad = list(REGISTER[requirement](self.history(name, sin=True)))
        assert {judgement.kept for judgement in good} == {True}, [j for j in good if not j.kept]
        assert False in {judgement.kept for judgement in bad}


class Tale:
    """One story, with the collection that it stands in."""

    def __init__(self, name: str, tales: Tales) -> None:
        self.name = name
        self._tales = tales

    def __repr__(self) -> str:
        return f"{self.name}-{self._tales[self.name].__name__}"

    @property
    def requirement(self) -> str:
        """What it is about."""
        return self.name.rstrip("#")

    def history(self, *, sin: bool) -> History:
        """It happens, with the sin or without."""
        return self._tales.history(self.name, sin=sin)


@cache
def all_tales() -> tuple[Tale, ...]:
    """All stories of `judges/`, in order."""
    before = len(Tales.told)
    for path in sorted((Path(__file__).parent / "judges").glob("test_*.py")):
        import_module(f"judges.{path.stem}")
    return tuple(Tale(name, tales) for tales in Tales.told[before:] for name in tales)
