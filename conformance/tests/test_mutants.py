"""A few mutants as a smoke test, and the catalogue as a whole; `make mutants` puts all of them on trial."""

from pathlib import Path

import pytest

from mutants import CATALOGUES, Role, mutants_of, peer
from mutants.control import CONTROLS, MUST_DIE
from mutants.excused import EXCUSED
from mutated import judged_mutant
from proof import table
from proof.conclusion import conclude
from proof.trial import of_mutant
from wos_conformance.specification import Specification

SMOKE: list[tuple[Role, str]] = [("wos", "creates_again"), ("wos", "accepts_any_path"), ("agent", "reports_to_nowhere")]


@pytest.mark.parametrize(("role", "name"), SMOKE, ids=[name for _, name in SMOKE])
def test_judge_catches_target_that(role: Role, name: str, credentials: Path, tmp_path: Path) -> None:
    """It is killed by the judge that it names, and by no other."""
    mutant = mutants_of(role)[name]
    conclusion = conclude(mutant, of_mutant(role, mutant, credentials, tmp_path))
    assert conclusion.outcome == "killed", conclusion.told


def test_command_says_what_is_broken(credentials: Path, tmp_path: Path) -> None:
    """Exit code and text."""
    mutant = CONTROLS["wos"][MUST_DIE]
    done = judged_mutant("wos", mutant.name, credentials, tmp_path, "--only", mutant.requirement)
    assert done.code == 1, done.told
    assert f"{mutant.requirement} (MUST)" in done.told


@pytest.mark.parametrize("role", list(CATALOGUES))
def test_mutants_name_requirements_of_their_role(role: Role) -> None:
    """A misspelt id would make a mutant that nothing can catch, or a consequence that never comes."""
    known = {row.id for row in Specification.load().role(role)}
    named = {name for m in mutants_of(role).values() for name in (m.requirement, *m.consequences)}
    assert named <= known


def _module(role: Role, requirement: str) -> str:
    return f"mutants.{role}.{requirement.partition('.')[0].replace('-', '_')}"


@pytest.mark.parametrize("role", list(CATALOGUES))
def test_mutants_stand_in_the_module_of_their_area(role: Role) -> None:
    """So that one finds them."""
    wrong = [m.name for m in mutants_of(role).values() if not m.sin.__module__.startswith(_module(role, m.requirement))]
    assert wrong == []


@pytest.mark.parametrize("number", peer.NUMBERS)
def test_defect_that_was_seen_is_a_mutant_or_has_a_reason(number: int) -> None:
    """One of both, not both."""
    assert bool(peer.mutants_with(number)) != (number in peer.WITHOUT)


@pytest.mark.parametrize("role", list(CATALOGUES))
def test_mutants_tell_their_sin_in_one_sentence(role: Role) -> None:
    """The page for certifiers shows it."""
    told = {mutant.name: mutant.told for mutant in mutants_of(role).values()}
    assert [
        name for name, text in told.items() if "\n" in text or not text.endswith(".") or not text[0].isupper()
    ] == []


def test_excuses_are_needed() -> None:
    """None for a rule that has a mutant, and none for a rule that cannot be tested anyway."""
    testable = {row.id for role in CATALOGUES for row in table.testable(role)}
    served = {mutant.requirement for role in CATALOGUES for mutant in mutants_of(role).values()}
    assert EXCUSED.keys() <= testable - served


def test_page_for_certifiers_names_all_mutants() -> None:
    """`make generate` writes it."""
    assert table.PAGE.read_text("utf-8") == table.page()
