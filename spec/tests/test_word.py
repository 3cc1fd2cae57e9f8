"""Words that mean different things to different people: not alone in texts, help and messages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_responsibilities import ROOT, cells, name_of, section
from version import FOLDER

BANNED = {
    "orchestrator": r"(?<!container )\borchestrators?\b",
    "master": r"\bmasters?\b",
    "node": r"(?<!cluster )(?<!YAML )\bnodes?\b",
    "standalone device": r"\bstandalone devices?\b",
}
QUOTED = re.compile(r"```.*?^```|`[^`]*`|\"[^\"\n]*\"|“[^”\n]*”|\[[^\]]*\]\([^)]*\)", re.DOTALL | re.MULTILINE)
FOLDERS = (ROOT / "spec", ROOT / "docs", ROOT / "conformance")
PAGES = sorted(
    path
    for path in (ROOT / "README.md", *(found for folder in FOLDERS for found in folder.rglob("*")))
    if path.suffix in {".md", ".html"} and not {"tests", "examples"} & set(path.relative_to(ROOT).parts)
)
DATA = sorted(path for path in FOLDER.rglob("*.yaml") if "examples" not in path.parts)
MODULES = sorted(
    path
    for package in ("conformance/src/wos_conformance", "reference-impl/src/wos_reference")
    for path in (ROOT / package).rglob("*.py")
)


def banned_in(text: str) -> list[str]:
    """The banned words of a text outside quotation marks, code and links, with what stands around them."""
    bare = QUOTED.sub(" ", text)
    found = (match for form in BANNED.values() for match in re.finditer(form, bare, re.IGNORECASE))
    return [bare[max(0, match.start() - 40) : match.end() + 20].replace("\n", " ") for match in found]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param("The orchestrator decides.", 1, id="alone"),
        pytest.param("a container orchestrator, a cluster node, cluster nodes", 0, id="defined"),
        pytest.param('what the notes call "orchestrator"', 0, id="quoted"),
        pytest.param("the member `node`", 0, id="code"),
        pytest.param("Masters and nodes", 2, id="plural"),
    ],
)
def test_banned_words_are_found(text: str, count: int) -> None:
    """The measure of the tests below is itself measured."""
    assert len(banned_in(text)) == count


def test_list_of_banned_words_is_that_of_the_text() -> None:
    """So that an author can look them up."""
    assert [row[0] for row in cells("Definitions", "Not used")] == list(BANNED)


@pytest.mark.parametrize("path", [*PAGES, *DATA], ids=name_of)
def test_page_has_no_banned_word(path: Path) -> None:
    """But for the two sections that explain them."""
    text = path.read_text("utf-8")
    if path.name == "responsibilities.md":
        text = text.replace(section("Definitions"), "").replace(section("Scope"), "")
    assert banned_in(text) == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_command_and_messages_have_no_banned_word(path: Path) -> None:
    """Every sentence that a program can say, and the help of every command."""
    assert [found for text in _said(path) for found in banned_in(text)] == []


def _said(path: Path) -> Iterator[str]:
    """Strings with a space in them; docstrings only where they are help."""
    module = ast.parse(path.read_bytes())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {id(n.body[0].value) for n in ast.walk(module) if isinstance(n, documented) and _has_docstring(n)}
    help_follows = path.parent.name == "command"
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and (help_follows or id(node) not in docstrings):
            yield from [node.value] if isinstance(node.value, str) and " " in node.value else []


def _has_docstring(node: Any) -> bool:
    return bool(node.body) and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)
