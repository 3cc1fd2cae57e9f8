"""Two versions that differ in one thing: what is found, where, and which step of the version it asks for."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from made_up import Edit, Parts, version

from wos_conformance.cli import main
from wos_conformance.comparison import compare, largest
from wos_conformance.edition import overlaid
from wos_conformance.specification import Specification, SpecificationError


def say(name: str, sentence: str) -> Edit:
    """Another sentence for a rule."""
    return lambda parts: parts["sentences"].update({name: sentence})


def row(name: str, **members: Any) -> Edit:
    """Other members for the row of a rule."""
    return lambda parts: parts["rows"][name].update(members)


def new_rule(sentence: str, **members: Any) -> Edit:
    """A further rule."""

    def edit(parts: Parts) -> None:
        parts["sentences"]["status.new"] = sentence
        parts["rows"]["status.new"] = {"role": "agent", "origin": "added", **members}

    return edit


def without_rule(name: str) -> Edit:
    """One rule less."""
    return lambda parts: (parts["sentences"].pop(name), parts["rows"].pop(name))


RULES: dict[str, tuple[Edit, str, str]] = {
    "must-added": (new_rule("An agent MUST bow."), "added", "major"),
    "must-of-a-feature-added": (new_rule("An agent MUST bow.", feature="song"), "added", "minor"),
    "contested-must-added": (new_rule("An agent MUST bow.", contested="two readings"), "added", "minor"),
    "should-added": (new_rule("An agent SHOULD bow."), "added", "minor"),
    "must-removed": (without_rule("status.polite"), "removed", "major"),
    "should-removed": (without_rule("status.thanked"), "removed", "minor"),
    "should-to-must": (say("status.thanked", "A WOS MUST say thank you."), "strengthened", "major"),
    "may-to-should": (say("status.sung", "An agent SHOULD sing."), "strengthened", "major"),
    "must-to-should": (say("status.polite", "An agent SHOULD say please."), "weakened", "major"),
    "must-not-to-should-not": (say("status.quiet", "An agent SHOULD NOT shout."), "weakened", "major"),
    "must-not-to-must": (say("status.quiet", "An agent MUST shout."), "reversed", "major"),
    "sentence": (say("status.polite", "An agent MUST say please first."), "sentence changed", "minor"),
    "role": (row("status.quiet", role="wos"), "role changed", "major"),
    "origin": (row("status.quiet", origin="margo"), "origin changed", "minor"),
    "feature": (row("status.polite", feature="song"), "feature changed", "major"),
    "contested": (row("status.polite", contested="two readings"), "no longer scored", "patch"),
    "source": (row("status.polite", source=["N002"]), "source changed", "patch"),
    "needs": (row("status.polite", needs=["start"]), "needs changed", "patch"),
}


def word(**members: Any) -> Edit:
    """Other keywords in the schema."""
    return lambda parts: parts["word"].update(members)


def member(name: str, **keywords: Any) -> Edit:
    """Other keywords at one property of the schema."""
    return lambda parts: parts["word"]["properties"][name].update(keywords)


def without(name: str, keyword: str) -> Edit:
    """One keyword less at one property of the schema."""
    return lambda parts: parts["word"]["properties"][name].pop(keyword)


SCHEMAS: dict[str, tuple[Edit, str, str]] = {
    "required-added": (word(required=["text", "mood"]), "narrowed", "major"),
    "required-removed": (word(required=[]), "widened", "major"),
    "member-removed": (lambda parts: parts["word"]["properties"].pop("mood"), "member removed", "major"),
    "member-added-where-open": (
        lambda parts: parts["word"]["properties"].update(new={"type": "string"}),
        "member added",
        "minor",
    ),
    "member-added-where-closed": (member("closed", properties={"a": {"type": "string"}, "b": {}}), "widened", "major"),
    "closed": (word(additionalProperties=False), "closed", "major"),
    "opened": (without("closed", "additionalProperties"), "opened", "major"),
    "enum-narrowed": (member("mood", enum=["glad"]), "narrowed", "major"),
    "enum-widened": (member("mood", enum=["glad", "sad", "wild"]), "widened", "major"),
    "enum-changed": (member("mood", enum=["glad", "wild"]), "changed", "major"),
    "type-changed": (member("loudness", type="boolean"), "changed", "major"),
    "type-narrowed": (member("loudness", type="integer"), "narrowed", "major"),
    "type-widened": (member("title", type=["string", "null"]), "widened", "major"),
    "lower-bound-raised": (member("text", minLength=3), "narrowed", "major"),
    "lower-bound-lowered": (member("text", minLength=1), "widened", "major"),
    "upper-bound-lowered": (member("text", maxLength=8), "narrowed", "major"),
    "upper-bound-removed": (without("text", "maxLength"), "widened", "major"),
    "bound-added": (member("loudness", maximum=9), "narrowed", "major"),
    "pattern-changed": (member("text", pattern="^[a-z ]+$"), "changed", "major"),
    "branch-added": (member("choice", anyOf=[{"type": "string"}, {"type": "integer"}, {}]), "widened", "major"),
    "branch-removed": (member("choice", anyOf=[{"type": "string"}]), "narrowed", "major"),
    "branch-changed": (
        member("choice", anyOf=[{"type": "string", "minLength": 1}, {"type": "integer"}]),
        "narrowed",
        "major",
    ),
    "definition": (lambda parts: parts["word"]["$defs"]["item"].update(minLength=1), "narrowed", "major"),
    "reference-replaced-by-more": (
        lambda parts: parts["word"]["properties"].update(tone={"type": "string", "minLength": 1}),
        "narrowed",
        "major",
    ),
    "schema-removed": (lambda parts: parts["schemas"].pop("tone"), "removed", "major"),
    "schema-added": (lambda parts: parts["schemas"].update(new={"type": "string"}), "added", "minor"),
}


def answer(status: str, **members: Any) -> Edit:
    """Another answer of the first operation."""
    return lambda parts: parts["talk"]["paths"]["/words"]["get"]["responses"].setdefault(status, {}).update(members)


def trace(**members: Any) -> Edit:
    """Another header of requests."""
    return lambda parts: parts["talk"]["components"]["parameters"]["Trace"].update(members)


ETAG = {"required": True, "schema": {"type": "string"}}
OPERATIONS: dict[str, tuple[Edit, str, str]] = {
    "operation-removed": (lambda parts: parts["talk"]["paths"]["/words"].pop("post"), "removed", "major"),
    "operation-added": (
        lambda parts: parts["talk"]["paths"].update({"/songs": {"get": {"responses": {}}}}),
        "added",
        "minor",
    ),
    "answer-of-a-known-class-added": (answer("410", description="Gone."), "answer added", "minor"),
    "answer-of-a-new-class-added": (answer("302", description="Elsewhere."), "answer added", "major"),
    "answer-removed": (
        lambda parts: parts["talk"]["paths"]["/words"]["get"]["responses"].pop("404"),
        "answer removed",
        "major",
    ),
    "header-removed": (answer("200", headers={}), "header removed", "major"),
    "header-added": (answer("200", headers={"ETag": ETAG, "Age": {}}), "header added", "minor"),
    "required-header-added": (answer("200", headers={"ETag": ETAG, "Age": ETAG}), "header added", "major"),
    "header-made-optional": (answer("200", headers={"ETag": ETAG | {"required": False}}), "header optional", "major"),
    "media-type-removed": (answer("200", content={}), "media type removed", "major"),
    "media-type-of-an-answer-added": (answer("404", content={"text/plain": {}}), "media type added", "minor"),
    "parameter-required": (trace(required=True), "parameter required", "major"),
    "parameter-narrowed": (trace(schema={"type": "string", "minLength": 1}), "narrowed", "major"),
    "body-removed": (
        lambda parts: parts["talk"]["paths"]["/words"]["post"].pop("requestBody"),
        "body removed",
        "major",
    ),
    "problem-type-removed": (lambda parts: parts["problems"].clear(), "removed", "major"),
    "problem-type-added": (lambda parts: parts["problems"].update(shy={"status": 404}), "added", "minor"),
    "problem-type-changed": (lambda parts: parts["problems"]["rude"].update(status=400), "changed", "major"),
    "feature-added": (lambda parts: parts["features"].update(dance={}), "added", "minor"),
}
CASES = RULES | SCHEMAS | OPERATIONS


@pytest.mark.parametrize("case", CASES)
def test_one_difference_is_found(case: str, tmp_path: Path) -> None:
    """Of its kind, with the step that it asks for."""
    edit, kind, step = CASES[case]
    old, new = version(tmp_path / "old"), version(tmp_path / "new", edit)
    changes = compare(Specification.read(old), Specification.read(new))
    assert {change.step for change in changes if change.kind == kind} == {step}
    assert largest(changes) == (step if {change.kind for change in changes} == {kind} else "major")


def test_texts_that_explain_are_no_difference(tmp_path: Path) -> None:
    """Titles and descriptions, in schemas and operations."""

    def edit(parts: Parts) -> None:
        parts["word"].update(title="Term", description="What is meant.")
        parts["talk"]["paths"]["/words"]["get"].update(summary="Listen", description="Carefully.")

    old, new = version(tmp_path / "old"), version(tmp_path / "new", edit)
    assert compare(Specification.read(old), Specification.read(new)) == []


def test_what_operations_share_is_told_once(tmp_path: Path) -> None:
    """Under its name, not at each operation."""
    old, new = version(tmp_path / "old"), version(tmp_path / "new", trace(required=True))
    changes = compare(Specification.read(old), Specification.read(new))
    assert [(c.part, c.name) for c in changes] == [("component", "talk.yaml parameters Trace")]


def test_schema_that_gets_a_name_is_no_difference(tmp_path: Path) -> None:
    """Also when it holds itself: what counts is what it accepts."""
    tree = {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}

    def named(parts: Parts) -> None:
        parts["talk"]["components"]["schemas"] = {"Tree": tree}
        trace(schema={"$ref": "#/components/schemas/Tree"})(parts)

    def written_out(parts: Parts) -> None:
        named(parts)
        trace(schema=tree)(parts)

    for edits in ((named, written_out), (written_out, named)):
        folders = [version(tmp_path / f"{edits[0].__name__}-{edit.__name__}", edit) for edit in edits]
        assert compare(*map(Specification.read, folders)) == []


def test_draft_is_laid_over_its_base(tmp_path: Path) -> None:
    """Its files replace those of the base, and the overlay takes some away."""
    version(tmp_path / "v0.1")
    draft = tmp_path / "draft"
    draft.mkdir()
    (draft / "overlay.yaml").write_text('{base: "0.1", removed: [schemas/tone.schema.json]}')
    text = (tmp_path / "v0.1" / "status.md").read_text("utf-8")
    (draft / "status.md").write_text(text.replace("SHOULD", "MUST"), "utf-8")
    base, whole = Specification.read(tmp_path / "v0.1"), Specification.read(overlaid(tmp_path, tmp_path / "whole"))
    assert [(c.name, c.kind) for c in compare(base, whole)] == [("status.thanked", "strengthened"), ("tone", "removed")]


def test_draft_takes_away_only_what_is_there(tmp_path: Path) -> None:
    """A misspelt name would change nothing and look as if it did."""
    version(tmp_path / "v0.1")
    (tmp_path / "draft").mkdir()
    (tmp_path / "draft" / "overlay.yaml").write_text('{base: "0.1", removed: [schemas/tune.schema.json]}')
    with pytest.raises(SpecificationError, match="tune"):
        overlaid(tmp_path, tmp_path / "whole")


def test_command_tells_the_difference(tmp_path: Path) -> None:
    """Exit codes as those of diff, in lines that fit a terminal, or as JSON."""
    old = version(tmp_path / "old")
    new = version(tmp_path / "new", say("status.thanked", "A WOS MUST say thank you, and mean it."))
    result = CliRunner().invoke(main, ["spec", "diff", str(old), str(new)])
    assert result.exit_code == 1
    assert "major  requirement status.thanked: strengthened at level" in result.output
    assert "+ A WOS MUST say thank you, and mean it." in result.output
    assert result.output.endswith("2 changes: a major version\n")
    assert max(map(len, result.output.splitlines())) <= 80
    told = json.loads(CliRunner().invoke(main, ["spec", "diff", "--json", str(old), str(new)]).output)
    assert (told["step"], len(told["changes"])) == ("major", 2)


@pytest.mark.parametrize("name", ["1.0", "git:HEAD"])
def test_version_does_not_differ_from_itself(name: str) -> None:
    """By number, and as it is committed."""
    result = CliRunner().invoke(main, ["spec", "diff", name, name])
    assert (result.exit_code, result.output) == (0, "no change\n")


@pytest.mark.parametrize("name", ["7.3", "git:no-such-commit", "git:HEAD:7.3"])
def test_unknown_version_is_wrong_usage(name: str) -> None:
    """And named in the sentence."""
    result = CliRunner().invoke(main, ["spec", "diff", "1.0", name])
    assert result.exit_code == 2
    assert name.removeprefix("git:").partition(":")[2] or name.removeprefix("git:") in result.output


def test_version_that_is_not_there_cannot_be_released() -> None:
    """And nothing is written."""
    result = CliRunner().invoke(main, ["spec", "release", "7.3"])
    assert result.exit_code == 2
    assert "v7.3 holds no version" in " ".join(result.output.split())
