"""A rule that is only written down does not go unnoticed: shown in a copy of the repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wos_conformance.specification import Specification

HOUSE = Path(__file__).resolve().parents[2]
ROOMS = ("spec", "conformance", "reference-impl/src")
RULE = "status.says-please"
SENTENCE = f"\n> **{RULE}** An agent MUST say please.\n"
ROW = f"{RULE}: {{role: agent, origin: added}}\n"
SUITE = "conformance/src/wos_conformance"
LACKING = {
    "judge": f"{SUITE}/judges/status/agent.py or beside it, under @judge('status.says-please')",
    "scenario": f"{SUITE}/suite/agent/test_status.py, under @pytest.mark.gives('status.says-please')",
    "mutant": "conformance/tests/mutants/agent/status.py, under @AGENT.against('status.says-please')",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the tests of the catalogue say in a copy with one more sentence and one more row."""
    copy = tmp_path_factory.mktemp("house")
    for room in ROOMS:
        shutil.copytree(HOUSE / room, copy / room, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copy(HOUSE / "pyproject.toml", copy)
    version = copy / "spec" / "v1.0"
    for path, text in ((version / "status.md", SENTENCE), (version / "requirements.yaml", ROW)):
        path.write_text(path.read_text("utf-8") + text, "utf-8")
    paths = [str(copy / room) for room in ("conformance/src", "reference-impl/src")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "conformance/tests/test_catalogue.py"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("part", LACKING)
def test_rule_without_it_is_told_where_to_put_it(part: str, told: str) -> None:
    """Judge, scenario and mutant alike."""
    assert f"{RULE} has no {part}: {LACKING[part]}" in told


def test_nothing_else_is_found_lacking(told: str) -> None:
    """All other rules have what they need."""
    assert [name for name in Specification.load().requirements if f"{name} has no " in told] == []
