"""What `explain` reads from the marks of the scenarios is what pytest collects."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import wos_conformance
from wos_conformance.requirement import Role
from wos_conformance.scenario import scenarios, scenarios_for

SUITE = Path(wos_conformance.__file__).parent / "suite"
COLLECT = """
import json, sys
import pytest

class Collector:
    def pytest_collection_finish(self, session):
        found = [
            [i.path.stem, i.originalname, sorted({n for m in i.iter_markers("gives") for n in m.args})]
            for i in session.items
        ]
        print("\\n" + json.dumps(found), file=sys.stderr)

pytest.main(sys.argv[1:], plugins=[Collector()])
"""


def collected(role: Role) -> list[tuple[str, str, list[str]]]:
    """Module, function and requirements of each case that pytest collects, in a process of its own."""
    options = [
        "-c",
        str(SUITE / "pytest.ini"),
        "--rootdir",
        str(SUITE),
        "--collect-only",
        "-q",
        "-p",
        "no:schemathesis",
    ]
    done = subprocess.run(
        [sys.executable, "-c", COLLECT, *options, str(SUITE / role)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: list[tuple[str, str, list[str]]] = json.loads(done.stderr.strip().splitlines()[-1])
    return found


@pytest.mark.parametrize("role", ["wos", "agent"])
def test_scenarios_are_those_that_pytest_collects(role: Role) -> None:
    """For every requirement that any of them gives, those of tables included."""
    cases = collected(role)
    assert {s.function for s in scenarios(role)} == {function.removeprefix("test_") for _, function, _ in cases}
    for requirement in {name for *_, gives in cases for name in gives}:
        expected = {
            (module.removeprefix("test_").replace("_", "-"), function.removeprefix("test_"))
            for module, function, gives in cases
            if requirement in gives
        }
        assert {(s.module, s.function) for s in scenarios_for(requirement, role)} == expected


@pytest.mark.parametrize("role", ["wos", "agent"])
def test_scenarios_tell_what_they_play(role: Role) -> None:
    """Each has a title."""
    assert [scenario.name for scenario in scenarios(role) if not scenario.title] == []
