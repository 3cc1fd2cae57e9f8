"""The word `matrix`: every form of it, one charter, and what it refuses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wos_conformance.cli import main
from wos_conformance.responsibility import PARTIES, Table
from wos_conformance.specification import Specification, SpecificationError


def told(*arguments: str) -> Result:
    """What `wos-conformance matrix` says."""
    return CliRunner().invoke(main, ["matrix", *arguments])


@pytest.mark.parametrize("form", ["md", "html", "json"])
def test_every_form_holds_every_row(form: str) -> None:
    """So that no reader sees less than another."""
    rows = [row.id for row in Table.read(Specification.load().folder).rows()]
    result = told("--format", form)
    assert result.exit_code == 0
    assert [row for row in rows if row not in result.output] == []


def test_json_is_the_table() -> None:
    """With the words of the file."""
    found = json.loads(told("--format", "json").output)
    assert list(found["parties"]) == list(PARTIES)
    assert found["themes"][0]["rows"][0]["owner"] == "device-owner"


def test_charter_is_that_of_one_party() -> None:
    """And says why nobody can see what it says nothing else about."""
    result = told("--party", "wos")
    assert result.output.startswith("## wos\n")
    assert "needs a host-snapshot" in result.output
    assert "## agent" not in result.output


def test_charter_in_another_form_is_refused() -> None:
    """With what to leave out."""
    result = told("--party", "wos", "--format", "json")
    assert result.exit_code == 2
    assert "leave out --party or --format json" in result.output


@pytest.mark.parametrize(
    ("text", "sentence"),
    [pytest.param(None, "holds no", id="missing"), pytest.param("parties: {}", "does not have its form", id="torn")],
)
def test_table_that_cannot_be_read_is_named(tmp_path: Path, text: str | None, sentence: str) -> None:
    """Instead of a trace."""
    if text:
        (tmp_path / "responsibilities.yaml").write_text(text)
    with pytest.raises(SpecificationError, match=sentence):
        Table.read(tmp_path)
