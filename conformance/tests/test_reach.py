"""What a run without test control reaches, and what it asks a person to do."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from life import day_without_control
from wos_conformance.cli import main
from wos_conformance.command.briefing import briefing
from wos_conformance.judges import judge_history
from wos_conformance.reach import is_reached, reach
from wos_conformance.requirement import Role
from wos_conformance.specification import Specification
from wos_conformance.suite.settings import Settings

SPECIFICATION = Specification.load()
DECLARED = {"poll_interval": 1.0, "request_timeout": 5.0, "max_backoff": 2.0, "apply_time": 20.0}
SETTINGS = Settings(role="agent", folder="run", seed=1, declared=DECLARED, credentials="/tmp/credentials")


@pytest.mark.parametrize("role", ["wos", "agent"])
def test_control_reaches_more_than_none(role: Role) -> None:
    """And features more than the core."""
    core, everything = reach(SPECIFICATION, role, []), reach(SPECIFICATION, role, list(SPECIFICATION.features))
    assert 0 < core["0"] < core["1"] < everything["1"]


def test_agent_that_a_person_starts_is_reached_without_control() -> None:
    """A WOS that somebody has to assign to is not."""
    by_level = [is_reached(SPECIFICATION.requirement("status.body-valid"), level) for level in (0, 1)]
    assert by_level == [True, True]
    assert not is_reached(SPECIFICATION.requirement("desired-state.converges"), 0)
    assert not is_reached(SPECIFICATION.requirement("desired-state.change-published"), 0)
    assert not is_reached(SPECIFICATION.requirement("boundary.host-unchanged"), 1)


def test_feature_may_take_a_product_out_of_a_rule() -> None:
    """Whoever claims TLS 1.2 gains a rule and loses one."""
    assert reach(SPECIFICATION, "wos", ["tls-1.2"]) == reach(SPECIFICATION, "wos", [])


def test_day_without_control_shows_no_more_than_is_reached() -> None:
    """What a judge finds in it needs no verb."""
    found = {judgement.requirement for judgement in judge_history(day_without_control()).judgements}
    assert len(found) > 20
    assert {name for name in found if not is_reached(SPECIFICATION.requirement(name), 0)} == set()


def test_page_of_instructions_is_about_this_run() -> None:
    """In lines that fit a terminal."""
    page = briefing(SETTINGS)
    for told in ("https://127.0.0.1:8443", "/tmp/credentials/pool/agent-0.pem", "poll interval   1 s", "600 s"):
        assert told in page
    assert max(map(len, page.splitlines())) <= 80


def test_expected_time_grows_with_the_poll_interval() -> None:
    """Linearly."""
    slow = Settings(role="agent", folder="run", seed=1, declared=DECLARED | {"poll_interval": 61.0}, credentials="x")
    minutes = [
        int(next(line for line in page.splitlines() if line.startswith("Expected time")).split()[2])
        for page in (briefing(SETTINGS), briefing(slow))
    ]
    assert minutes[1] - minutes[0] == 400


def test_agent_without_control_needs_credentials() -> None:
    """The sentence says how to make them."""
    result = CliRunner().invoke(main, ["run", "agent"])
    assert result.exit_code == 2
    assert "wos-conformance init FOLDER" in result.output.replace("\n", " ").replace("  ", " ")


@pytest.mark.parametrize("address", ["8443", "localhost", ":8443", "host:port"])
def test_address_is_checked(address: str, tmp_path: Path) -> None:
    """Before anything is started."""
    result = CliRunner().invoke(main, ["run", "agent", "--credentials", str(tmp_path), "--listen", address])
    assert result.exit_code == 2
    assert "is not HOST:PORT" in result.output
