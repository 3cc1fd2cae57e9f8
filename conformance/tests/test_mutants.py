"""Each mutant is caught by the judge of the requirement that it names; `make certify` runs the unmutated pair."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mutants.agent import MUTANTS as AGENT_MUTANTS
from mutants.wos import MUTANTS as WOS_MUTANTS
from reference import running_agent, running_wos
from wos_conformance.drive.trust_domain import TrustDomain

TESTS = Path(__file__).parent
MUTATE = (sys.executable, "-m", "mutants")
AGENT_TIMES = ("--poll-interval", "0.05", "--request-timeout", "2", "--max-backoff", "0.5", "--apply-time", "1")


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trust domain for all mutants of a WOS."""
    folder = tmp_path_factory.mktemp("credentials")
    TrustDomain.create("plant.example", "main").save(folder)
    return folder


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that commit sins find the catalogue."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))


@pytest.mark.parametrize("name", WOS_MUTANTS)
def test_judge_catches_wos_that(name: str, credentials: Path, tmp_path: Path) -> None:
    """A WOS with one sin fails the requirement, and the command says so."""
    requirement = WOS_MUTANTS[name].requirement
    with running_wos(tmp_path / "wos", credentials, [*MUTATE, "wos", name]) as wos:
        options = ["--url", wos.wos_url, "--credentials", str(credentials), "--control", wos.control_url]
        options += ["--control-token-file", str(wos.token_file), "--out", str(tmp_path / "run")]
        done = judged("wos", requirement, options)
    assert_caught(requirement, done, tmp_path / "run")


@pytest.mark.parametrize("name", AGENT_MUTANTS)
def test_judge_catches_agent_that(name: str, tmp_path: Path) -> None:
    """An agent with one sin fails the requirement, and the command says so."""
    requirement = AGENT_MUTANTS[name].requirement
    with running_agent(tmp_path / "agent", shlex.join([*MUTATE, "agent", name, "run"])) as agent:
        options = [*AGENT_TIMES, "--control", agent.control_url]
        options += ["--control-token-file", str(agent.token_file), "--out", str(tmp_path / "run")]
        done = judged("agent", requirement, options)
    assert_caught(requirement, done, tmp_path / "run")


def judged(role: str, requirement: str, options: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run the scenarios of one requirement."""
    command = [sys.executable, "-m", "wos_conformance", "run", role, "--only", requirement, "--seed", "7"]
    return subprocess.run([*command, "--no-shrink", *options], capture_output=True, text=True, check=False)


def assert_caught(requirement: str, done: "subprocess.CompletedProcess[str]", run: Path) -> None:
    """The judge of the requirement saw it broken, exit code and text say so."""
    rows = {row["id"]: row for row in json.loads((run / "report.json").read_bytes())["requirements"]}
    assert rows[requirement]["state"] == "failed", done.stdout + done.stderr
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{requirement} (" in done.stdout
