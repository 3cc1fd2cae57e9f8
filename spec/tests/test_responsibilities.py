"""Responsibilities: one owner a row; what is forbidden is shown or excused; texts, views and words agree with it."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from version import CHAPTERS, FOLDER, INDEX, INTERFACES, LINE, operations

from wos_conformance.responsibility import PARTIES, Row, Step, Table, view

ROOT = FOLDER.parents[1]
TABLE = Table.read(FOLDER)
ROWS = {row.id: row for row in TABLE.rows()}
TEXT = (FOLDER / "responsibilities.md").read_text("utf-8")
OPERATIONS = {name for document in INTERFACES for name in operations(document)}
ROW_ID = re.compile(r"`(R-[a-z-]+)`")
ROLES = ("wos", "agent")

# Every topic that the notes of the meeting of 10 December 2024 raise, in the order of the list.
TOPICS = [
    "device onboarding",
    "workload agent onboarding",
    "fleet management",
    "application deployment",
    "health metrics",
    "diagnosis",
    "host operating system: provisioning",
    "host operating system: lifecycle",
    "device capability",
    "inventory management",
    "Helm chart ingestion",
    "rendering in the cloud or at the edge",
    "Git alternatives",
    "orchestrator and workload orchestration agent",
    "Kubernetes master",
    "several nodes under one orchestrator",
    "Kubernetes and non-Kubernetes devices",
    "clear API between WOS and agent",
    "interoperability",
    "deep integrations",
    "roles of each layer",
    "North Star, wish list and roadmap",
    "documentation and pull request",
]

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


def name_of(path: Path) -> str:
    """A file by its place in the repository."""
    return str(path.relative_to(ROOT))


def section(title: str) -> str:
    """The text below a heading, up to the next one of its level."""
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def cells(title: str, head: str) -> list[list[str]]:
    """The rows of the table in a section that begins with this cell."""
    lines = [line for line in section(title).partition(f"| {head} |")[2].splitlines()[2:] if line]
    return [[c.strip() for c in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_table_has_its_form() -> None:
    """As the schema says, which is no shape of the interface."""
    schema = json.loads((FOLDER / "responsibilities.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    table = yaml.safe_load((FOLDER / "responsibilities.yaml").read_bytes())
    found = jsonschema.Draft202012Validator(schema).iter_errors(table)
    assert [f"{list(error.absolute_path)}: {error.message}" for error in found] == []
    assert tuple(schema["$defs"]["party"]["enum"]) == PARTIES == tuple(TABLE.parties)


def test_ids_of_rows_are_used_once() -> None:
    """And cannot be taken for ids of rules, which have a dot."""
    assert len(ROWS) == sum(len(theme.rows) for theme in TABLE.themes)
    assert not {name for name in ROWS if "." in name}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_row_has_one_owner_and_each_party_one_share(row: Row) -> None:
    """Nobody owns and keeps out at once."""
    named = [row.owner, *row.part, *row.may, *row.informed, *row.must_not]
    assert len(named) == len(set(named))


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_row_refers_to_what_exists(row: Row) -> None:
    """Operations, what is declared off the wire, rules, boundary tests."""
    assert set(row.operations) <= OPERATIONS
    assert set(row.off_wire) <= set(TABLE.off_wire)
    assert set(row.guards) <= set(INDEX)
    assert set(row.tests) <= set(TABLE.boundary_tests)


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.release == "v1"], ids=lambda row: row.id)
def test_what_is_forbidden_is_shown_or_excused(row: Row) -> None:
    """By rules that bind the party itself, or by a sentence; a tap that the sentence needs is listed."""
    for party, shown in row.must_not.items():
        if isinstance(shown, list):
            assert {INDEX[rule]["role"] for rule in shown} == {party}
        else:
            assert set(re.findall(r"needs an? ([a-z-]+)", shown)) <= set(TABLE.taps)


def test_only_a_role_can_be_bound_by_rules() -> None:
    """The other parties are not judged."""
    bound = {party for row in ROWS.values() for party, shown in row.must_not.items() if isinstance(shown, list)}
    assert bound <= set(ROLES)


def test_every_operation_and_every_way_off_the_wire_carries_a_row() -> None:
    """Nothing is open between the parties that nobody answers for."""
    assert {name for row in ROWS.values() for name in row.operations} == OPERATIONS
    assert {name for row in ROWS.values() for name in row.off_wire} == set(TABLE.off_wire)


@pytest.mark.parametrize("name", TABLE.boundary_tests)
def test_boundary_test_is_used_and_refers_to_what_exists(name: str) -> None:
    """Its rules are in the index, its taps in the list, and a row is tested by it."""
    test = TABLE.boundary_tests[name]
    assert set(test.rules) <= set(INDEX)
    assert set(test.taps) <= set(TABLE.taps)
    assert [row.id for row in ROWS.values() if name in row.tests]


def test_taps_are_needed() -> None:
    """By a boundary test each; one that is needed nowhere is struck out."""
    assert {tap for test in TABLE.boundary_tests.values() for tap in test.taps} == set(TABLE.taps)


def test_rules_of_the_chapter_name_their_rows() -> None:
    """Exactly those which the table says they guard, in the order of the table."""
    told = re.findall(LINE.pattern + r"\n\nRows?: (?P<rows>.*)\.$", CHAPTERS["boundary"], re.MULTILINE)
    found = {name: ROW_ID.findall(rows) for name, _, rows in told}
    assert found == {name: [row.id for row in TABLE.guarded_by(name)] for name in INDEX if name.startswith("boundary.")}


@pytest.mark.parametrize("name", ROWS)
def test_row_is_cited_by_a_charter(name: str) -> None:
    """Of the WOS, of the agent, or of neither."""
    charters = ("Charter of the WOS", "Charter of the agent", "What neither of them owns")
    assert any(name in ROW_ID.findall(section(title)) for title in charters)


@pytest.mark.parametrize("party", ROLES)
@pytest.mark.parametrize(
    ("lead", "share"),
    [("owns:", "owns"), ("may", "may"), ("keeps out of:", "must not")],
    ids=["owns", "may", "keeps-out"],
)
def test_charter_agrees_with_the_table(party: str, lead: str, share: str) -> None:
    """What it lists under a word is what the table has under it, nothing more and nothing less."""
    text = section(f"Charter of the {'WOS' if party == 'wos' else party}")
    paragraph = text.partition(f"\nIt {lead}")[2].partition("\nIt ")[0]
    assert set(ROW_ID.findall(paragraph)) == {row.id for row in ROWS.values() if row.share(party) == share}  # type: ignore[arg-type]


def test_rows_named_in_the_text_exist() -> None:
    """In every page of the specification."""
    found = {name for path in FOLDER.glob("*.md") for name in ROW_ID.findall(path.read_text("utf-8"))}
    assert found <= set(ROWS)


def test_every_topic_of_the_meeting_stands_once_in_the_list() -> None:
    """With rows that answer for it."""
    found = cells("Scope", "Topic")
    assert [row[0] for row in found] == TOPICS
    assert all(ROW_ID.findall(row[-1]) for row in found)


def test_roadmap_has_every_row_of_a_later_release() -> None:
    """Under its release, and with the place in this one that keeps it possible."""
    found = {name: row[0] for row in cells("Roadmap", "Release") for name in ROW_ID.findall(row[-1])}
    assert found == {row.id: row.release for row in ROWS.values() if row.release in {"v2", "wish"}}
    assert all(row[2] for row in cells("Roadmap", "Release"))


def test_arrows_of_the_layers_are_interfaces() -> None:
    """An arrow is an operation, or a way off the wire between just these two; every one of them is drawn."""
    names = dict(re.findall(r'^  (\w+)\["([a-z-]+)"\]$', TEXT, re.MULTILINE))
    arrows = re.findall(r"^  (\w+) -->\|(\w+)\| (\w+)$", section("Layers"), re.MULTILINE)
    drawn = {(label, frozenset((names[source], names[to]))) for source, label, to in arrows}
    between = {(name, frozenset(way.between)) for name, way in TABLE.off_wire.items()}
    assert {arrow for arrow in drawn if arrow[0] not in OPERATIONS} == between
    assert set(operations("wos")) <= {label for label, _ in drawn}
    assert not [arrow for arrow in arrows if names[arrow[0]] == "wos" and names[arrow[2]] in {"agent", "device-owner"}]


@pytest.mark.parametrize("sequence", TABLE.sequences, ids=lambda sequence: sequence.id)
def test_steps_are_carried_by_their_rows(sequence: Any) -> None:
    """Who calls has a share in the row; the way exists; an answer turns the call before it round."""
    before: Step | None = None
    for step in sequence.steps:
        row = ROWS[step.row]
        actor = step.at or step.source
        assert row.share(actor) in {"owns", "part", "may"}, step
        if step.over:
            assert step.over in OPERATIONS or step.over.removeprefix("off-wire: ") in TABLE.off_wire
        if step.answer:
            assert before
            assert (step.source, step.to) == (before.to, before.source)
        before = step


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


def test_views_are_current() -> None:
    """And none is edited by hand."""
    written = {path: (ROOT / path).read_text("utf-8") for path in view.documents(ROOT)}
    assert written == view.documents(ROOT), "stale; run `make generate`"
