"""What Hypothesis drives is judged example by example, and shrinks to the smallest program that breaks a rule."""

import json
from pathlib import Path

from mutated import judged_mutant

SHRUNK = ("--shrink", "--only")
FINDING = ("--seed", "2")
"""Only some seeds add a deployment of several components in the few programs of a quick run."""


def program_of(run: Path, scenario: str) -> list[str]:
    """The steps of the smallest program that the report tells for a scenario; each broken rule has one of its own."""
    rows = {row["name"]: row for row in json.loads((run / "report.json").read_bytes())["scenarios"]}
    programs = rows[scenario]["told"].split("minimal program:\n")[1:]
    return min(([step for step in map(_step, program.splitlines()) if step] for program in programs), key=len)


def _step(line: str) -> str:
    """The call in a line of a program, but for the one that ends it."""
    return line.partition("state.")[2].removeprefix("teardown()")


def test_program_against_a_wos_shrinks(credentials: Path, tmp_path: Path) -> None:
    """Two looks at one client are enough to see that a version changes by itself."""
    done = judged_mutant("wos", "counts_every_request", credentials, tmp_path, *SHRUNK, "identity.scope-isolated")
    first, *steps = program_of(tmp_path / "run", "machine::fleet_lives")
    assert first == "first_client()"
    assert len(steps) == 2, done.told
    assert "smallest program of machine::fleet_lives" in done.told


def test_program_against_an_agent_shrinks(credentials: Path, tmp_path: Path) -> None:
    """A deployment of two components, and at most one before it, is enough to see that one is not reported."""
    options = (*FINDING, *SHRUNK, "status.tells-the-truth")
    done = judged_mutant("agent", "reports_one_component", credentials, tmp_path, *options, deadline=280.0)
    steps = program_of(tmp_path / "run", "machine::wos_is_an_adversary")
    assert (steps[0], steps[-1]) == ("begin()", "add(components=2)"), done.told
    assert len(steps) <= 3, done.told
