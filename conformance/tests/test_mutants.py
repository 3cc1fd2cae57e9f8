"""Each mutant is caught by the judge of the requirement that it names; `make certify` runs the unmutated pair."""

import json
from pathlib import Path

import pytest

from mutants.agent import MUTANTS as AGENT_MUTANTS
from mutants.wos import MUTANTS as WOS_MUTANTS
from mutated import Done, judged_agent, judged_wos


@pytest.mark.parametrize("name", WOS_MUTANTS)
def test_judge_catches_wos_that(name: str, credentials: Path, tmp_path: Path) -> None:
    """A WOS with one sin fails the requirement, and the command says so."""
    requirement = WOS_MUTANTS[name].requirement
    done = judged_wos(name, credentials, tmp_path, "--no-shrink", "--only", requirement)
    assert_caught(requirement, done, tmp_path / "run")


@pytest.mark.parametrize("name", AGENT_MUTANTS)
def test_judge_catches_agent_that(name: str, tmp_path: Path) -> None:
    """An agent with one sin fails the requirement, and the command says so."""
    requirement = AGENT_MUTANTS[name].requirement
    done = judged_agent(name, tmp_path, "--no-shrink", "--only", requirement)
    assert_caught(requirement, done, tmp_path / "run")


def assert_caught(requirement: str, done: Done, run: Path) -> None:
    """The judge of the requirement saw it broken, exit code and text say so."""
    rows = {row["id"]: row for row in json.loads((run / "report.json").read_bytes())["requirements"]}
    assert rows[requirement]["state"] == "failed", done.stdout + done.stderr
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{requirement} ({rows[requirement]['level']})" in done.stdout
