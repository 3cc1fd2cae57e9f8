"""The scenarios as data, read from the marks that pytest reads; nothing is played."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from wos_conformance.requirement import Role


@dataclass(frozen=True)
class Scenario:
    """A situation, and the requirements that it gives occasion to; a case of a table counts when only it gives one."""

    module: str
    function: str
    case: str | None
    title: str
    gives: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name as a run shows it."""
        return f"{self.module}::{self.function}" + (f"[{self.case}]" if self.case else "")


def scenarios_for(requirement: str, role: Role) -> list[Scenario]:
    """The scenarios of a role that give occasion to a requirement."""
    return [scenario for scenario in scenarios(role) if requirement in scenario.gives]


@cache
def scenarios(role: Role) -> tuple[Scenario, ...]:
    """All scenarios of a role, in the order of modules and lines."""
    package = import_module(f"wos_conformance.suite.{role}")
    names = sorted(found.name for found in iter_modules(package.__path__) if found.name.startswith("test_"))
    return tuple(s for name in names for s in _scenarios(import_module(f"{package.__name__}.{name}")))


def _scenarios(module: ModuleType) -> Iterator[Scenario]:
    common = _given(_marks(module))
    stem = module.__name__.rpartition(".test_")[2].replace("_", "-")
    for name, function in vars(module).items():
        if name.startswith("test_") and getattr(function, "__module__", None) == module.__name__:
            marks = _marks(function)
            title = (function.__doc__ or "").strip().partition("\n")[0]
            short = name.removeprefix("test_")
            yield Scenario(stem, short, None, title, (*common, *_given(marks)))
            for case, gives in _cases(marks):
                yield Scenario(stem, short, case, title, gives)


def _marks(owner: Any) -> list[Any]:
    found = getattr(owner, "pytestmark", [])
    return found if isinstance(found, list) else [found]


def _given(marks: Iterable[Any]) -> tuple[str, ...]:
    return tuple(requirement for mark in marks if mark.name == "gives" for requirement in mark.args)


def _cases(marks: Iterable[Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The cases of the tables that have marks of their own."""
    for mark in marks:
        for case in mark.args[1] if mark.name == "parametrize" else ():
            if gives := _given(getattr(case, "marks", ())):
                yield str(case.id or case.values[0]), gives
