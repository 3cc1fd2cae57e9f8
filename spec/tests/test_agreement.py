"""What stands in two places is the same in both: text, index, schemas, registry, test control."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from version import CHAPTERS, FOLDER, INDEX, KEYWORD, LINE, OPENAPI, SCHEMAS, SENTENCES, operations, read_openapi

TYPES: dict[str, Any] = yaml.safe_load((FOLDER / "problem-types.yaml").read_bytes())
FEATURES: dict[str, Any] = yaml.safe_load((FOLDER / "features.yaml").read_bytes())
PROBLEMS = "| Type | Status | When | Retryable | Back-off |"
STATES = set(SCHEMAS["deployment-status"]["properties"]["status"]["properties"]["state"]["enum"])
DATA = sorted(path for path in FOLDER.rglob("*") if path.suffix in {".yaml", ".json"} and "examples" not in path.parts)


def named_by(node: Any) -> Iterator[str]:
    """The rules that a document names, at whatever depth."""
    if isinstance(node, dict):
        yield from node.get("x-requirements", [])
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        yield from named_by(inner)


def objects_of(node: Any) -> Iterator[dict[str, Any]]:
    """The parts of a schema that require members."""
    if isinstance(node, dict) and isinstance(node.get("required"), list):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        yield from objects_of(inner)


def rows_of(chapter: str, head: str) -> list[list[str]]:
    """The cells of the table that begins with this head."""
    table = CHAPTERS[chapter].partition(f"{head}\n")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda p: p.stem)
def test_no_key_is_written_twice(path: Path) -> None:
    """A second row would silently replace the first."""
    for node in _mappings(yaml.compose(path.read_text("utf-8"), yaml.SafeLoader)):
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys))


def _mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, inner in node.value:
            yield from _mappings(inner)


@pytest.mark.parametrize("area", CHAPTERS)
def test_every_quoted_line_is_a_rule(area: str) -> None:
    """A slip of the pen in the id would otherwise take the rule out of sight."""
    assert [line for line in CHAPTERS[area].splitlines() if line.startswith(">") and not LINE.fullmatch(line)] == []


@pytest.mark.parametrize("name", INDEX)
def test_key_word_follows_who_is_bound(name: str) -> None:
    """So that nobody has to search for the verb."""
    assert re.match(r"(A WOS|An agent) (MUST|SHOULD|MAY)\b", SENTENCES[name])


@pytest.mark.parametrize("path", DATA, ids=lambda path: str(path.relative_to(FOLDER)))
def test_key_words_stay_out_of_data(path: Path) -> None:
    """A description explains; it binds nobody."""
    assert KEYWORD.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize("name", INDEX)
def test_schema_in_sentence_and_row_are_the_same(name: str) -> None:
    """And the schema names the rule in turn."""
    said = re.findall(r"the schema `([a-z-]+)`", SENTENCES[name])
    assert said == [INDEX[name]["schema"]] if "schema" in INDEX[name] else said == []
    assert all(name in SCHEMAS[schema]["x-requirements"] for schema in said)


@pytest.mark.parametrize("name", [name for name in INDEX if "problem type" in SENTENCES[name]])
def test_problem_type_in_sentence_has_the_status_of_the_registry(name: str) -> None:
    """One sentence, one status, one type."""
    (status,), (kind,) = (re.findall(form, SENTENCES[name]) for form in (r"status (\d+)", r"problem type `([a-z-]+)`"))
    assert TYPES["types"][kind]["status"] == int(status)


@pytest.mark.parametrize("name", [name for name in INDEX if "needs" in INDEX[name]])
def test_needs_are_verbs_of_the_bound_role(name: str) -> None:
    """A WOS cannot be cut off, and an agent admits nobody; no verb is named twice."""
    needs, verbs = INDEX[name]["needs"], read_openapi("test-control")["paths"]
    assert all(verbs[f"/control/v1/{verb}"]["post"]["tags"] == [INDEX[name]["role"]] for verb in needs)
    assert len(needs) == len(set(needs)) > 0


def test_test_control_lists_the_verbs_it_has() -> None:
    """Its introduction is complete."""
    listed = "\n".join(re.findall(r"Verbs of an? .*", read_openapi("test-control")["info"]["description"]))
    paths = read_openapi("test-control")["paths"]
    assert sorted(re.findall(r"`(\w+)`", listed)) == sorted(path.rpartition("/")[2] for path in paths)


@pytest.mark.parametrize("name", INDEX)
def test_row_refers_to_what_exists(name: str) -> None:
    """Its feature is in the list, and what is not judged or not scored has a reason."""
    row = INDEX[name]
    assert row.get("feature") in {None, *FEATURES}
    assert all(isinstance(row[key], str) and " " in row[key] for key in ("contested", "untestable") if key in row)


@pytest.mark.parametrize("name", [*SCHEMAS, *OPENAPI])
def test_rules_named_at_any_depth_exist(name: str) -> None:
    """And none is named twice by one list."""
    document = SCHEMAS[name] if name in SCHEMAS else read_openapi(name)
    assert set(named_by(document)) <= set(INDEX)
    lists = [document.get("x-requirements", []), *(o.get("x-requirements", []) for o in _operations(name))]
    assert all(len(names) == len(set(names)) for names in lists)


def _operations(name: str) -> list[dict[str, Any]]:
    return list(operations(name).values()) if name in OPENAPI else []


@pytest.mark.parametrize("name", SCHEMAS)
def test_required_members_are_described_and_covered(name: str) -> None:
    """A member that is required has a shape, and a rule stands behind its schema."""
    for found in objects_of(SCHEMAS[name]):
        assert set(found["required"]) <= set(found["properties"])
        assert SCHEMAS[name]["x-requirements"]


def test_states_of_text_and_schema_are_the_same() -> None:
    """Those of a deployment, of a component, and of the table of meanings."""
    component = SCHEMAS["deployment-status"]["properties"]["components"]["items"]["properties"]["state"]["enum"]
    (order,) = re.findall(r"in the order (.*), the most severe first", CHAPTERS["status"])
    meanings = {row[0].strip("`") for row in rows_of("status", "| State | Meaning |")}
    assert set(component) == meanings == set(re.findall(r"`(\w+)`", order)) == STATES


def test_table_of_problem_types_is_the_registry() -> None:
    """Name, status, way to go on and feature of each, in the same order."""
    rows = [[cell.strip("`") for cell in row] for row in rows_of("errors", PROBLEMS)]
    found = [
        (name, int(status), {"yes": True, "no": False}[again], backoff) for name, status, _, again, backoff in rows
    ]
    registry = TYPES["types"].items()
    assert found == [(name, entry["status"], entry["retryable"], entry["backoff"]) for name, entry in registry]
    features = [re.findall(r"\(feature `([a-z-]+)`\)", row[2]) for row in rows]
    assert features == [[entry["feature"]] if "feature" in entry else [] for _, entry in registry]
    assert {feature for found in features for feature in found} <= set(FEATURES)


def test_ways_to_go_on_are_those_of_the_problem_document() -> None:
    """Nothing that may succeed later goes without pauses, and nothing else has any."""
    strategies = SCHEMAS["problem-detail"]["properties"]["backoffStrategy"]["enum"]
    entries = TYPES["types"].values()
    assert all(e["backoff"] in strategies and (e["backoff"] != "none") is e["retryable"] for e in entries)


def test_statuses_that_may_succeed_later_are_those_of_the_registry() -> None:
    """Each is one that goes with `about:blank`."""
    (listed,) = re.findall(r"^Of these, (.*?) are retryable", CHAPTERS["errors"], re.MULTILINE)
    assert [int(status) for status in re.findall(r"\d{3}", listed)] == TYPES["retryable-statuses"]
    assert set(TYPES["retryable-statuses"]) <= set(TYPES["about-blank"])


def test_types_of_profiles_are_those_of_the_table_of_pointers() -> None:
    """A type without a row would leave its parameters without a place; a type that is a feature has a section."""
    rows = [row[0].strip("`") for row in rows_of("deployment", "| Type | Pointer | Grammar |")]
    profile = SCHEMAS["application-deployment"]["properties"]["spec"]["properties"]["deploymentProfile"]
    assert rows == profile["properties"]["type"]["enum"]
    sections = re.findall(r"^### Feature `(\w+)`$", CHAPTERS["deployment"], re.MULTILINE)
    assert sections == [kind for kind in rows if kind in FEATURES]


def test_statuses_without_an_entry_are_those_of_the_registry() -> None:
    """The list of the chapter is complete."""
    (listed,) = re.findall(r"^`about:blank` goes with (.*?);", CHAPTERS["errors"], re.MULTILINE)
    assert [int(status) for status in re.findall(r"\b\d{3}\b", listed)] == TYPES["about-blank"]


def test_problem_types_are_ready_to_be_joined_to_a_uri() -> None:
    """A base without fragment, names in kebab-case, titles that say something."""
    assert re.fullmatch(r"https://[^#?\s]+[^#?/\s]", TYPES["base"])
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) and entry["title"] for name, entry in TYPES["types"].items())
