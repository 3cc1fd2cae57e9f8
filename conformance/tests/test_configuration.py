"""`conformance.toml`: what an option takes a key takes; what no option takes is told with file, key and remedy."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from reference import running_wos
from wos_conformance.cli import main
from wos_conformance.command import run
from wos_conformance.command.configuration import FILE, key_of
from wos_conformance.command.init import example
from wos_conformance.control.command import CommandTransport

WOS = '[wos]\nurl = "https://127.0.0.1:1"\n'


def told(folder: Path, content: str, *options: str, role: str = "wos") -> Result:
    """`run` with a file of this content."""
    (folder / FILE).write_text(content, "utf-8")
    return CliRunner().invoke(main, ["run", role, "--config", str(folder / FILE), *options])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(WOS + 'depht = "quick"', "[wos] depht: unknown key; did you mean 'depth'?", id="unknown-key"),
        pytest.param("[wos]\nurl = 7", "[wos] url: expected a text, found 7; correct it", id="wrong-type"),
        pytest.param(WOS + "seed = true", "[wos] seed: expected a whole number, found True", id="boolean-for-number"),
        pytest.param(WOS + 'feature = "gateway"', "expected a list, each a text, found 'gateway'", id="no-list"),
        pytest.param(WOS + 'depth = "fast"', "[wos] depth: 'fast' is not one of 'quick'", id="unknown-value"),
        pytest.param(WOS + "workers = 99", "[wos] workers: 99 is not in the range", id="out-of-range"),
        pytest.param(WOS + 'feature = ["teleport"]', "'teleport' is no feature of the role wos", id="unknown-feature"),
        pytest.param(WOS + 'credentials = "nowhere"', "nowhere' does not exist; correct it", id="missing-folder"),
        pytest.param(WOS + 'control-command = "./none"', "'./none' is no command that can be run", id="no-command"),
        pytest.param(WOS + 'control = "ftp://x"', "[wos] control: 'ftp://x' is not http://HOST", id="no-url"),
        pytest.param("[wos", "expected TOML, but", id="no-toml"),
        pytest.param("[wfm]\nurl = 1", "wfm: expected the tables [wos] and [agent] alone", id="unknown-table"),
    ],
)
def test_mistake_in_the_file_is_told(tmp_path: Path, content: str, said: str) -> None:
    """Exit code 2; the file, the key, what was expected, what to do."""
    result = told(tmp_path, content)
    assert result.exit_code == 2, result.output
    assert str(tmp_path / FILE) in result.output
    assert said in result.output


def test_file_says_what_an_option_would_say(tmp_path: Path) -> None:
    """It comes so far as to dial the WOS."""
    result = told(tmp_path, WOS)
    assert result.exit_code == 3
    assert "nobody answers at https://127.0.0.1:1" in result.output


def test_option_wins_over_the_file(tmp_path: Path) -> None:
    """Another address is dialled."""
    assert "nobody answers at https://127.0.0.1:2" in told(tmp_path, WOS, "--url", "https://127.0.0.1:2").output


def test_file_in_the_current_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without being named."""
    (tmp_path / FILE).write_text(WOS, "utf-8")
    monkeypatch.chdir(tmp_path)
    assert "nobody answers" in CliRunner().invoke(main, ["run", "wos"]).output


def test_both_roles_read_one_file(tmp_path: Path) -> None:
    """Each its own table."""
    content = WOS + '[agent]\ncontrol = "http://127.0.0.1:3"\npoll-interval = 1\n'
    assert "nobody answers at http://127.0.0.1:3" in told(tmp_path, content, role="agent").output


def test_example_names_keys_that_exist() -> None:
    """Those behind a comment sign, too."""
    for role, command in (("wos", run.run_wos), ("agent", run.run_agent)):
        _, _, table = example().partition(f"[{role}]")
        lines = [line.removeprefix("# ") for line in table.partition("\n[")[0].splitlines()]
        named = {line.partition(" =")[0] for line in lines if " = " in line}
        assert named <= {key_of(option) for option in command.params if isinstance(option, click.Option)}
        assert named


def test_init_writes_the_example(tmp_path: Path) -> None:
    """With the credentials that it has made, so that only the address is left to change."""
    CliRunner().invoke(main, ["init", str(tmp_path / "credentials")])
    result = CliRunner().invoke(main, ["run", "wos", "--config", str(tmp_path / "credentials" / FILE)])
    assert result.exit_code == 3, result.output


def test_command_is_run_in_the_folder_of_the_file(tmp_path: Path) -> None:
    """So that it may be named relative to the file."""
    script = tmp_path / "control"
    script.write_text("#!/bin/sh\npwd\n", "utf-8")
    script.chmod(0o700)
    reply = CommandTransport(["./control"], str(tmp_path)).send("view", b"{}")
    assert reply.text.strip().decode() == str(tmp_path.resolve())
    assert "nobody answers at https" in told(tmp_path, WOS + 'control-command = "./control"').output


NONSENSE = {
    "no-json": "print('<html>')",
    "no-object": "print('[]')",
    "another-shape": "print('{\"enrolmentCode\": 7}')",
    "failure": "raise SystemExit(1)",
    "silence": "",
}


@pytest.mark.parametrize("answer", NONSENSE)
def test_control_that_answers_nonsense_is_a_fault_of_the_set_up(tmp_path: Path, credentials: Path, answer: str) -> None:
    """Exit code 3, no rule failed, and the verb is named."""
    script = tmp_path / "control.py"
    script.write_text(NONSENSE[answer], "utf-8")
    with running_wos(tmp_path / "wos", credentials) as wos:
        command = [sys.executable, "-m", "wos_conformance", "run", "wos", "--only", "status.path-mismatch-422"]
        command += ["--url", wos.wos_url, "--credentials", str(credentials), "--out", str(tmp_path / "run")]
        command += ["--control-command", f"{sys.executable} {script}", "--workers", "1"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "could not judge" in done.stdout
    assert "test control, verb `admit`" in " ".join(done.stdout.split())
    assert " 0 failed" in done.stdout
