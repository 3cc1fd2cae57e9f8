"""Runs of the suite against mutants, as real processes on both sides."""

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from reference import Address, running_agent, running_wos

MUTATE = (sys.executable, "-m", "mutants")
AGENT_TIMES = ("--poll-interval", "0.05", "--request-timeout", "2", "--max-backoff", "0.5", "--apply-time", "1")
# Processes that commit sins must find the catalogue.
os.environ["PYTHONPATH"] = str(Path(__file__).parent)

Done = subprocess.CompletedProcess[str]


def judged_wos(name: str, credentials: Path, folder: Path, *options: str) -> Done:
    """Run scenarios against the WOS that commits this sin; the run lies in `folder`/run."""
    with running_wos(folder / "wos", credentials, [*MUTATE, "wos", name]) as wos:
        return _judged("wos", wos, folder, ["--url", wos.wos_url, "--credentials", str(credentials), *options])


def judged_agent(name: str, folder: Path, *options: str) -> Done:
    """Run scenarios against the agent that commits this sin; the run lies in `folder`/run."""
    with running_agent(folder / "agent", shlex.join([*MUTATE, "agent", name, "run"])) as agent:
        return _judged("agent", agent, folder, [*AGENT_TIMES, *options])


def _judged(role: str, address: Address, folder: Path, options: Sequence[str]) -> Done:
    command = [sys.executable, "-m", "wos_conformance", "run", role, "--seed", "7", "--out", str(folder / "run")]
    command += ["--control", address.control_url, "--control-token-file", str(address.token_file), *options]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
