"""No rule without a judge and a situation; no mutant without a rule."""

import ast
from pathlib import Path

import pytest
import yaml

import wos_conformance
from mutants.agent import MUTANTS as AGENT_MUTANTS
from mutants.catalogue import Catalogue
from mutants.wos import MUTANTS as WOS_MUTANTS
from wos_conformance.judges import REGISTER
from wos_conformance.requirement import Role
from wos_conformance.specification import Specification, SpecificationError

SUITE = Path(wos_conformance.__file__).parent / "suite"
SPECIFICATION = Specification.load()


def words_of(role: str) -> set[str]:
    """All texts in the scenarios of a role, since marks may take ids from tables."""
    modules = (ast.parse(path.read_text("utf-8")) for path in (SUITE / role).glob("test_*.py"))
    nodes = (node for module in modules for node in ast.walk(module))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_requirement_has_a_judge() -> None:
    """Or a reason why it cannot be tested."""
    testable = {row.id for row in SPECIFICATION.requirements.values() if row.untestable is None}
    assert testable == set(REGISTER)


@pytest.mark.parametrize("role", ["wos", "agent"])
def test_every_requirement_has_a_scenario(role: Role) -> None:
    """Somebody gives occasion to each of them that can be tested."""
    assert {row.id for row in SPECIFICATION.role(role) if row.untestable is None} <= words_of(role)


@pytest.mark.parametrize("role", ["wos", "agent"])
def test_scenarios_name_requirements_of_their_role(role: Role) -> None:
    """What looks like an id is one."""
    areas = tuple(f"{row.area}." for row in SPECIFICATION.requirements.values())
    ids = {word for word in words_of(role) if word.startswith(areas) and " " not in word}
    assert ids <= {row.id for row in SPECIFICATION.role(role)}


def test_scenario_modules_are_named_like_chapters() -> None:
    """Apart from those that cross chapters."""
    areas = {row.area.replace("-", "_") for row in SPECIFICATION.requirements.values()}
    found = {path.stem.removeprefix("test_") for path in SUITE.glob("*/test_*.py")}
    assert found - areas <= {"machine", "generated"}


@pytest.mark.parametrize(("role", "catalogue"), [("wos", WOS_MUTANTS), ("agent", AGENT_MUTANTS)], ids=["wos", "agent"])
def test_mutants_name_requirements_of_their_role(role: Role, catalogue: Catalogue) -> None:
    """A misspelt id would make a mutant that nothing can catch."""
    assert {mutant.requirement for mutant in catalogue.values()} <= {row.id for row in SPECIFICATION.role(role)}


SENTENCE = "> **status.polite** An agent MUST say please.\n"
ROW = {"role": "agent", "origin": "added"}
CONTRADICTIONS = {
    "stands in status.md and not in requirements.yaml": (SENTENCE + "> **status.x** A WOS MUST.\n", ROW),
    "stands in requirements.yaml and in no chapter": ("nothing\n", ROW),
    "stands twice": (SENTENCE * 2, ROW),
    "has 2 key words": (SENTENCE.replace("say", "say and MAY sing"), ROW),
    "unknown members: colour": (SENTENCE, ROW | {"colour": "red"}),
    "role 'broker'": (SENTENCE, ROW | {"role": "broker"}),
}


@pytest.mark.parametrize("told", CONTRADICTIONS)
def test_specification_that_contradicts_itself_is_refused(told: str, tmp_path: Path) -> None:
    """The sentence says where."""
    text, row = CONTRADICTIONS[told]
    (tmp_path / "requirements.yaml").write_text(yaml.safe_dump({"status.polite": row}))
    (tmp_path / "status.md").write_text(text)
    with pytest.raises(SpecificationError, match=told):
        Specification(tmp_path, "0.1")
