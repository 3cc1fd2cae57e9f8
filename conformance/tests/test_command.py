"""The command as a vendor meets it: exit codes, and sentences that say what to do next."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wos_conformance.cli import main


def command(*arguments: str) -> Result:
    """`wos-conformance ARGUMENTS`."""
    return CliRunner().invoke(main, arguments)


def test_unreachable_wos_cannot_be_judged() -> None:
    """One sentence, and nothing is left behind."""
    result = command("run", "wos", "--url", "https://127.0.0.1:1")
    assert result.exit_code == 3
    assert result.output.count("\n") == 1
    assert "nobody answers at https://127.0.0.1:1 (connection refused); start the WOS" in result.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["--url", "http://127.0.0.1"], "is not https://HOST", id="plain-http"),
        pytest.param(["--url", "https://127.0.0.1/api"], "without a path", id="url-with-path"),
        pytest.param([], "Missing option '--url'", id="no-url"),
        pytest.param(
            ["--url", "https://127.0.0.1:1", "--depth", "bottomless"], "'quick', 'standard', 'deep'", id="depth"
        ),
        pytest.param(["--url", "https://127.0.0.1:1", "--speed", "9"], "No such option", id="unknown-option"),
        pytest.param(
            ["--url", "https://127.0.0.1:1", "--only", "status.legal-oder"],
            "did you mean 'status.legal-order'?",
            id="misspelt-requirement",
        ),
    ],
)
def test_wrong_usage(arguments: list[str], told: str) -> None:
    """Exit code 2 and a sentence with what is allowed."""
    result = command("run", "wos", *arguments)
    assert result.exit_code == 2
    assert told in result.output


def test_wos_without_credentials_is_wrong_usage() -> None:
    """It could not know who visits it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        result = command("run", "wos", "--url", f"https://127.0.0.1:{listener.getsockname()[1]}")
    assert result.exit_code == 2
    assert "wos-conformance init FOLDER" in result.output


def test_agent_without_control_is_wrong_usage() -> None:
    """Somebody must start it."""
    result = command("run", "agent")
    assert result.exit_code == 2
    assert "--control" in result.output


def test_run_folder_is_not_written_twice(evidence: Path) -> None:
    """A run in a folder that holds a run is refused."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        result = command("run", "wos", "--url", url, "--credentials", str(evidence), "--out", str(evidence))
    assert result.exit_code == 2
    assert "holds a run already" in result.output


def test_broken_control_is_nobodys_failure(tmp_path: Path) -> None:
    """A control that fails ends in exit code 3, not in a verdict on the agent."""
    broken = ["--control-command", "false", "--out", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, "-m", "wos_conformance", "run", "agent", "--only", "capabilities.body-valid", *broken],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert "could not judge" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_control_command_must_exist() -> None:
    """Exit code 2 before anything is tried."""
    result = command("run", "agent", "--control-command", "/nonexistent/control --fast")
    assert result.exit_code == 2
    assert "'/nonexistent/control' is no command that can be run" in result.output


def test_unreachable_control_cannot_be_used() -> None:
    """Exit code 3 and one sentence."""
    result = command("run", "agent", "--control", "http://127.0.0.1:1")
    assert result.exit_code == 3
    assert "nobody answers at http://127.0.0.1:1 (connection refused)" in result.output
    assert result.output.count("\n") == 1


def test_requirements_are_listed() -> None:
    """As lines and as JSON."""
    lines = command("list", "--role", "agent").output.splitlines()
    rows = json.loads(command("list", "--role", "agent", "--json").output)
    assert [line.split()[-1] for line in lines] == [row["id"] for row in rows]
    assert all(row["role"] == "agent" for row in rows)


def test_requirement_is_explained() -> None:
    """Sentence, level and chapter."""
    output = command("explain", "desired-state.etag-is-digest").output
    for word in ("MUST", "desired-state.md", "ETag"):
        assert word in output


def test_credentials_are_made_once(tmp_path: Path) -> None:
    """A second `init` into the same folder changes nothing."""
    assert command("init", str(tmp_path / "credentials")).exit_code == 0
    before = contents(tmp_path)
    result = command("init", str(tmp_path / "credentials"))
    assert result.exit_code == 2
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[Path, bytes]:
    """All files below a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_private_keys_are_private(tmp_path: Path) -> None:
    """Only their owner may read them."""
    command("init", str(tmp_path / "credentials"))
    keys = list((tmp_path / "credentials").rglob("*key*.pem"))
    assert keys
    assert {oct(path.stat().st_mode & 0o077) for path in keys} == {"0o0"}


@pytest.mark.parametrize(
    "arguments", [(), ("run", "wos"), ("run", "agent"), ("judge",), ("list",), ("explain",), ("init",)]
)
def test_help_fits_a_terminal(arguments: tuple[str, ...]) -> None:
    """80 columns."""
    lines = command(*arguments, "--help").output.splitlines()
    assert lines
    assert max(map(len, lines)) <= 80
