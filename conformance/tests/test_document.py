"""What documents say in figures and commands is so."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from certify import FEATURES
from mutants import CATALOGUES, mutants_of
from proof import table
from wos_conformance.cli import main
from wos_conformance.reach import binds
from wos_conformance.requirement import Role
from wos_conformance.specification import Specification

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [
    ROOT / "README.md",
    ROOT / "VERSIONING.md",
    ROOT / "conformance" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


@pytest.mark.parametrize("role", ["wos", "agent"])
def test_readme_shows_the_figures_of_the_specification(role: Role) -> None:
    """As many MUSTs as bind a product that claims what `make certify` claims; some of them nobody can test."""
    bound = [row for row in Specification.load().role(role) if row.level == "MUST" and binds(row, FEATURES[role])]
    untestable = sum(row.untestable is not None for row in bound)
    figures = f"{role:<6} MUST {len(bound) - untestable} passed, 0 failed, {untestable} not tested"
    assert figures in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("role", list(CATALOGUES))
def test_readme_shows_what_a_gate_that_is_passed_says(role: Role) -> None:
    """`make generate` writes it; `make mutants` fails when it kills fewer."""
    assert table.figure(role, len(mutants_of(role))) in table.README.read_text("utf-8")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """Links inside the repository."""
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8"))
    assert [target for target in targets if ":" not in target and not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_options_in_documents_exist(path: Path) -> None:
    """In the commands of `wos-conformance` that are shown."""
    commands = re.findall(r"wos-conformance ((?:[^`\n]|\\\n)*)", path.read_text("utf-8"))
    used = {option for command in commands for option in re.findall(r"(?<!\S)--[a-z-]+", command)}
    known = {name for word in words(main) for parameter in word.params for name in parameter.opts}
    assert used <= known | {"--help"}


def words(command: click.Command) -> Iterator[click.Command]:
    """A command and all below it."""
    yield command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), name)
            assert inner is not None
            yield from words(inner)


def test_decisions_are_listed() -> None:
    """Each with its title."""
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text("utf-8")
    for path in sorted((ROOT / "docs" / "decisions").glob("0*.md")):
        title = path.read_text("utf-8").partition("\n")[0].removeprefix(f"# {path.name[:4]} ")
        assert f"[{path.name[:4]}]({path.name}) | {title} |" in listed


def test_verbs_of_the_vendors_page_are_those_of_the_contract() -> None:
    """None is missing."""
    contract = yaml.safe_load((ROOT / "spec" / "v1.0" / "openapi" / "test-control.yaml").read_bytes())
    page = (ROOT / "conformance" / "README.md").read_text("utf-8")
    assert [path for path in contract["paths"] if f"`{path.rpartition('/')[2]}`" not in page] == []
