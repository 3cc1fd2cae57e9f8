"""No rule without a judge, a situation and a mutant."""

import ast
from pathlib import Path

import pytest
import yaml

import wos_conformance
from proof import table
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


def places(role: Role, requirement: str) -> dict[str, str]:
    """Where judge, scenario and mutant of a requirement belong."""
    area = requirement.partition(".")[0].replace("-", "_")
    return {
        "judge": f"wos_conformance/judges/{area}/{role}.py or beside it, under @judge({requirement!r})",
        "scenario": f"wos_conformance/suite/{role}/test_{area}.py, under @pytest.mark.gives({requirement!r})",
        "mutant": f"tests/mutants/{role}/{area}.py, under @{role.upper()}.against({requirement!r})",
    }


@pytest.mark.parametrize("role", ["wos", "agent"])
def test_every_testable_rule_has_a_judge_a_scenario_and_a_mutant(role: Role) -> None:
    """Says what is missing and where it belongs; only a MUST needs a mutant, or an excuse in mutants/excused.py."""
    played, unmutated = words_of(role), table.without_mutant(role)
    missing = [
        f"{row.id} has no {part}: conformance/{'src/' if part != 'mutant' else ''}{place}"
        for row in table.testable(role)
        for part, place in places(role, row.id).items()
        if {"judge": row.id not in REGISTER, "scenario": row.id not in played, "mutant": row.id in unmutated}[part]
    ]
    assert not missing, "\n".join(missing)


def test_judges_judge_what_can_be_tested() -> None:
    """A rule that is said to be untestable has no judge."""
    assert set(REGISTER) <= {row.id for role in ("wos", "agent") for row in table.testable(role)}  # type: ignore[arg-type]


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
