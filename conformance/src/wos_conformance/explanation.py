"""Everything that the repository knows about one requirement, gathered from the places where it lives."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wos_conformance import responsibility
from wos_conformance.judges import REGISTER
from wos_conformance.requirement import Requirement
from wos_conformance.scenario import scenarios_for
from wos_conformance.specification import Specification

_METHODS = {"get", "put", "post", "delete", "head", "patch", "options"}
_MUTANTS = Path("conformance/tests/mutants")


@dataclass(frozen=True)
class Place:
    """Where something about a requirement stands, and what it says of itself."""

    name: str
    text: str


@dataclass(frozen=True)
class Explanation:
    """A requirement and its stations; `mutants` is None where the catalogue is not at hand."""

    requirement: Requirement
    chapter: str
    operations: list[str]
    judge: Place | None
    scenarios: list[Place]
    mutants: list[Place] | None
    responsibilities: list[Place]


def explain(specification: Specification, name: str) -> Explanation:
    """Gather what stands about a requirement.

    Raises:
        SpecificationError: there is no such requirement.
    """
    requirement = specification.requirement(name)
    return Explanation(
        requirement=requirement,
        chapter=f"spec/v{specification.version}/{requirement.chapter}:{requirement.line}",
        operations=list(_operations(specification, name)),
        judge=_judge(name),
        scenarios=[Place(scenario.name, scenario.title) for scenario in scenarios_for(name, requirement.role)],
        mutants=_mutants(specification.folder.parent.parent / _MUTANTS, name),
        responsibilities=_responsibilities(specification.folder, name),
    )


def untested(requirement: Requirement) -> str | None:
    """Why a requirement is not judged; None when it has a judge."""
    if requirement.untestable:
        return requirement.untestable
    return None if requirement.id in REGISTER else "no judge is registered for it"


def _operations(specification: Specification, requirement: str) -> Iterator[str]:
    for document, interface in specification.interfaces.items():
        for path, methods in interface["paths"].items():
            for method in _METHODS & methods.keys():
                if requirement in methods[method].get("x-requirements", []):
                    yield f"{method.upper()} {path} ({document}.yaml)"


def _judge(requirement: str) -> Place | None:
    if requirement not in REGISTER:
        return None
    function = REGISTER[requirement]
    module = function.__module__.removeprefix("wos_conformance.")
    return Place(f"{module}:{function.__name__}", inspect.cleandoc(function.__doc__ or ""))


def _mutants(folder: Path, requirement: str) -> list[Place] | None:
    """The sins against a requirement, read from the catalogue without committing any."""
    if not folder.is_dir():
        return None
    modules = ((path, ast.parse(path.read_bytes())) for path in sorted(folder.rglob("*.py")))
    found = ((path, node) for path, module in modules for node in ast.walk(module) if _against(node, requirement))
    return [
        Place(f"{_module(path.relative_to(folder.parent))}:{node.name}", ast.get_docstring(node) or "")
        for path, node in found
        if isinstance(node, ast.FunctionDef)
    ]


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts)


def _against(node: ast.AST, requirement: str) -> bool:
    decorators = (d for d in getattr(node, "decorator_list", []) if isinstance(d, ast.Call))
    return any(
        isinstance(d.func, ast.Attribute) and d.func.attr == "against" and requirement in map(_text, d.args)
        for d in decorators
    )


def _text(node: ast.expr) -> Any:
    return node.value if isinstance(node, ast.Constant) else None


def _responsibilities(folder: Path, requirement: str) -> list[Place]:
    """The rows of the responsibility matrix that a requirement guards; none in a version without a matrix."""
    if not (folder / responsibility.SOURCE).is_file():
        return []
    return [Place(row.id, row.statement) for row in responsibility.Table.read(folder).guarded_by(requirement)]
