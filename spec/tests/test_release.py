"""What is released stays: every version in released.yaml is what it was, and the guard finds each kind of change."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from made_up import ROWS, Edit, Parts, version

from wos_conformance import release
from wos_conformance.specification import Specification, SpecificationError

SPEC = Path(__file__).resolve().parents[1]
RELEASED = release.read(SPEC)


def test_released_versions_are_untouched() -> None:
    """Anything else is a change for the draft."""
    found = {n: release.findings(Specification.read(SPEC / f"v{n}"), entry) for n, entry in RELEASED.items()}
    assert {number: sentences for number, sentences in found.items() if sentences} == {}


def test_released_versions_have_a_date() -> None:
    """The one in its change log."""
    assert all(date.fromisoformat(entry["released"]) for entry in RELEASED.values())


def test_version_that_is_not_released_says_so() -> None:
    """In the table of versions, and the other way round."""
    page = (SPEC / "README.md").read_text("utf-8")
    states = dict(re.findall(r"^\| \[(\d+\.\d+)\]\(v[\d.]+/README.md\) \| ([a-z ]+)", page, re.MULTILINE))
    assert states.keys() == {folder.name.removeprefix("v") for folder in SPEC.glob("v*")}
    assert {number for number, state in states.items() if state.startswith("released")} == RELEASED.keys()


def test_documents_have_the_number_of_their_version() -> None:
    """Every OpenAPI document of every version."""
    versions = [Specification.read(folder) for folder in SPEC.glob("v*")]
    assert {(v.version, d["info"]["version"].rpartition(".")[0]) for v in versions for d in v.interfaces.values()} == {
        (v.version, v.version) for v in versions
    }


def rule(name: str, sentence: str) -> Edit:
    """A further rule."""

    def edit(parts: Parts) -> None:
        parts["sentences"][name] = sentence
        parts["rows"][name] = {"role": "agent", "origin": "added"}

    return edit


def renamed(parts: Parts) -> None:
    """The same sentence under another id."""
    parts["sentences"] = {k.replace("sung", "hummed"): s for k, s in parts["sentences"].items()}
    parts["rows"] = {k.replace("sung", "hummed"): r for k, r in parts["rows"].items()}


def row(**members: Any) -> Edit:
    """Other members of one row."""
    return lambda parts: parts["rows"]["status.sung"].update(members)


CHANGES: dict[str, tuple[Edit, list[str]]] = {
    "sentence": (
        lambda parts: parts["sentences"].update({"status.sung": "An agent MAY hum."}),
        ["requirement status.sung is not what was released"],
    ),
    "level": (
        lambda parts: parts["sentences"].update({"status.sung": "An agent SHOULD sing."}),
        ["requirement status.sung is not what was released"],
    ),
    "id": (
        renamed,
        ["requirement status.sung was released and is gone", "requirement status.hummed has come after the release"],
    ),
    "rule-added": (
        rule("status.new", "An agent MAY bow."),
        ["requirement status.new has come after the release"],
    ),
    "role": (row(role="wos"), ["requirement status.sung is not what was released"]),
    "origin": (row(origin="resolved"), ["requirement status.sung is not what was released"]),
    "feature": (row(feature=None), ["requirement status.sung is not what was released"]),
    "operation": (
        lambda parts: parts["talk"]["paths"]["/words"].pop("post"),
        ["OpenAPI document talk is not what was released"],
    ),
    "header": (
        lambda parts: parts["talk"]["components"]["parameters"]["Trace"].update(required=True),
        ["OpenAPI document talk is not what was released"],
    ),
    "schema": (
        lambda parts: parts["word"]["properties"]["mood"]["enum"].append("wild"),
        ["schema word is not what was released"],
    ),
    "member-that-is-called-title": (
        lambda parts: parts["word"]["properties"]["title"].update(minLength=1),
        ["schema word is not what was released"],
    ),
    "schema-added": (
        lambda parts: parts["schemas"].update(new={"type": "string"}),
        ["schema new has come after the release"],
    ),
    "schema-removed": (
        lambda parts: parts["schemas"].clear(),
        ["schema tone was released and is gone"],
    ),
    "problem-type": (
        lambda parts: parts["problems"].update(shy={"status": 404, "title": "Shy"}),
        ["registry problem-types is not what was released"],
    ),
    "feature-added": (
        lambda parts: parts["features"].update(dance={}),
        ["registry features is not what was released"],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_of_a_released_version_is_found(change: str, tmp_path: Path) -> None:
    """Each with a sentence that says what to do instead."""
    edit, told = CHANGES[change]
    entry = release.digests(Specification.read(version(tmp_path / "released")))
    found = release.findings(Specification.read(version(tmp_path / "changed", edit)), entry)
    assert found == [f"{sentence}; put it back, and make the change in spec/draft" for sentence in told]


def test_correction_of_what_explains_is_no_change(tmp_path: Path) -> None:
    """Texts of schemas and operations, prose of chapters, and what a check needs."""

    def edit(parts: Parts) -> None:
        parts["word"].update(title="Term", description="What is meant.")
        parts["talk"]["paths"]["/words"]["get"].update(summary="Listen")
        parts["rows"]["status.sung"].update(needs=["start"])

    entry = release.digests(Specification.read(version(tmp_path / "released")))
    changed = version(tmp_path / "changed", edit)
    (changed / "status.md").write_text((changed / "status.md").read_text("utf-8") + "\nMore words.\n", "utf-8")
    assert release.findings(Specification.read(changed), entry) == []


def test_release_freezes_a_version_once(tmp_path: Path) -> None:
    """With the date of its change log; afterwards every rule of it is guarded."""
    folder = version(tmp_path / "v0.1")
    (tmp_path / "released.yaml").write_text("{}")
    with pytest.raises(SpecificationError, match=re.escape("## 0.1.0 — YYYY-MM-DD")):
        release.release(tmp_path, "0.1")
    (folder / "CHANGELOG.md").write_text("# Changes\n\n## 0.1.0 — 2030-01-31\n", "utf-8")
    entry = release.release(tmp_path, "0.1")
    assert release.read(tmp_path) == {"0.1": entry}
    assert entry["released"] == "2030-01-31"
    assert entry["requirements"].keys() == ROWS.keys()
    assert release.findings(Specification.read(folder), release.read(tmp_path)["0.1"]) == []
    with pytest.raises(SpecificationError, match="was released on 2030-01-31"):
        release.release(tmp_path, "0.1")
