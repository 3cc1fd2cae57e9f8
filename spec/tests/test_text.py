"""The text: every rule is one sentence with one key word, has a row, and stands in the chapter of its area."""

import re
from pathlib import Path

import pytest
from version import AREAS, CHAPTERS, FOLDER, INDEX, KEYWORD, LINE, OPENAPI, SCHEMAS, SENTENCES, operations

ID = re.compile(r"[a-z]+(-[a-z]+)*\.[a-z0-9]+(-[a-z0-9]+){1,4}|[a-z]+(-[a-z]+)*\.[a-z]+")
SUBJECTS = {"wos": "A WOS ", "agent": "An agent "}
TEXTS = sorted(FOLDER.parent.rglob("*.md"))


def test_rules_in_text_and_index_are_the_same_in_the_same_order() -> None:
    """None is lost on either side."""
    assert list(SENTENCES) == list(INDEX)


def test_no_rule_stands_twice() -> None:
    """An id is used once."""
    found = [line["id"] for text in CHAPTERS.values() for line in LINE.finditer(text)]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("area", AREAS)
def test_rules_stand_in_the_chapter_of_their_area(area: str) -> None:
    """The part of the id before the dot is the name of the chapter."""
    assert {line["id"].partition(".")[0] for line in LINE.finditer(CHAPTERS[area])} == {area}


@pytest.mark.parametrize("name", INDEX)
def test_rule_is_one_sentence(name: str) -> None:
    """It names who is bound, has exactly one key word, and ends with a full stop."""
    sentence = SENTENCES[name]
    assert ID.fullmatch(name)
    assert sentence.startswith(SUBJECTS[INDEX[name]["role"]])
    assert len(KEYWORD.findall(sentence)) == 1
    assert sentence.endswith(".")
    assert not re.search(r"\. [A-Z]", sentence)


@pytest.mark.parametrize("name", INDEX)
def test_row_is_complete(name: str) -> None:
    """It says who is bound, how strictly, and where the rule comes from; what Margo says has its source."""
    row = INDEX[name]
    assert row["role"] in SUBJECTS
    assert KEYWORD.findall(SENTENCES[name])[0].removesuffix(" NOT") in {"MUST", "SHOULD", "MAY"}
    assert row.keys() <= {"role", "origin", "source", "feature", "needs", "schema", "contested", "untestable"}
    assert row["origin"] in {"margo", "resolved", "added"}
    assert row["origin"] == "added" or row["source"]
    assert all(re.fullmatch(r"N\d{3}", source) for source in row.get("source", []))


def test_needs_are_verbs_of_the_test_control() -> None:
    """So that a report can say which verb is missing."""
    verbs = set(operations("test-control"))
    assert {verb for row in INDEX.values() for verb in row.get("needs", [])} <= verbs


def test_schema_pointers_exist() -> None:
    """The shape that a rule refers to is published."""
    assert {row["schema"].partition("#")[0] for row in INDEX.values() if "schema" in row} <= set(SCHEMAS)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(FOLDER.parent)))
def test_key_words_occur_in_rules_only(path: Path) -> None:
    """Everything else explains; the paragraph about the key words themselves may name them."""
    others = [line for line in path.read_text("utf-8").splitlines() if not LINE.match(line)]
    found = [line for line in others if KEYWORD.search(line) and "BCP 14" not in line]
    assert found == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(FOLDER.parent)))
def test_links_lead_somewhere(path: Path) -> None:
    """Links inside the repository; a link elsewhere is not followed."""
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8"))
    assert [target for target in targets if ":" not in target and not (path.parent / target).exists()] == []


def test_reading_order_names_every_chapter() -> None:
    """In the order of the index."""
    listed = re.findall(r"^\d+\. \[([a-z-]+)\]", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE)
    assert listed == AREAS


def test_every_rule_is_named_where_it_is_seen() -> None:
    """At an operation or a schema, or it is about connections and answers of every kind."""
    named = {name for d in OPENAPI for o in operations(d).values() for name in o.get("x-requirements", [])}
    named |= {name for schema in SCHEMAS.values() for name in schema["x-requirements"]}
    everywhere = ("identity.", "connectivity.", "errors.", "extensions.")
    assert {name for name in INDEX if name not in named and not name.startswith(everywhere)} == set()
