"""The command as a vendor meets it: exit codes, and sentences that say what to do next."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from made_up import version

from wos_conformance.cli import main
from wos_conformance.explanation import explain
from wos_conformance.judges import REGISTER
from wos_conformance.specification import Specification, SpecificationError


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


RULES = Specification.load().requirements


def listed(*options: str) -> list[dict[str, Any]]:
    """What `list` gives as JSON."""
    rows: list[dict[str, Any]] = json.loads(command("list", "--json", *options).output)
    return rows


def test_requirements_are_listed() -> None:
    """In lines that fit a terminal, and as JSON, in the same order."""
    lines = command("list", "--role", "agent").output.splitlines()
    rows = listed("--role", "agent")
    ids = [word for line in lines for word in line.split() if word in RULES]
    assert ids == [row["id"] for row in rows] == [rule.id for rule in RULES.values() if rule.role == "agent"]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("member", ["role", "origin", "feature"])
def test_list_is_narrowed(member: str) -> None:
    """To one value at a time; together they are all, and `core` is what belongs to no feature."""
    values = {getattr(rule, member) or "core" for rule in RULES.values()}
    found = [row["id"] for value in sorted(values) for row in listed(f"--{member}", value)]
    assert sorted(found) == sorted(RULES)


def test_unknown_feature_is_wrong_usage() -> None:
    """The known ones are named."""
    result = command("list", "--feature", "teleport")
    assert result.exit_code == 2
    assert "there are: core" in result.output


def test_what_is_special_about_a_rule_stands_behind_it() -> None:
    """Its feature, and whether it is scored and tested."""
    output = " ".join(command("list").output.split())
    for rule in RULES.values():
        marks = [f"feature {rule.feature}"] if rule.feature else []
        marks += [word for word in ("contested", "untestable") if getattr(rule, word)]
        assert f"{rule.id} [{', '.join(marks)}]" in output if marks else f"{rule.id} [" not in output


def test_untested_requirements_are_listed_with_the_reason() -> None:
    """Those without a judge."""
    rows = listed("--untested")
    assert {row["id"] for row in rows} == set(RULES) - set(REGISTER)
    assert all(row["untested"] == (row["untestable"] or "no judge is registered for it") for row in rows)
    shown = " ".join(command("list", "--untested").output.split())
    assert all(row["untested"] in shown for row in rows)


STATIONS = {
    "desired-state.document-verified": [
        "An agent MUST NOT run",
        "level       MUST NOT, binds the agent",
        "chapter     spec/v1.0/desired-state.md:",
        "GET /api/v1/deployments (wos.yaml)",
        "judges.desired_state.refusal:agent_runs_only_what_it_verified",
        "desired-state::manifests_must_not_be_adopted",
        ":trusts_documents",
    ],
    "status.body-valid": ["schemas/deployment-status.schema.json", "needs       start"],
}


@pytest.mark.parametrize("requirement", STATIONS)
def test_requirement_is_explained(requirement: str) -> None:
    """With all the places where it lives, in lines that fit a terminal."""
    output = command("explain", requirement).output
    assert [word for word in STATIONS[requirement] if word not in output] == []
    assert max(map(len, output.splitlines())) <= 80


def test_chapter_is_named_with_the_line() -> None:
    """Where the sentence stands."""
    chapter = Specification.load().folder / "desired-state.md"
    fact = next(row for row in listed() if row["id"] == "desired-state.document-verified")
    assert chapter.read_text("utf-8").splitlines()[fact["line"] - 1].startswith(f"> **{fact['id']}** ")


def test_explanation_is_there_as_json() -> None:
    """The facts of the list, and the stations."""
    (fact,) = (row for row in listed() if row["id"] == "status.body-valid")
    found = json.loads(command("explain", "status.body-valid", "--json").output)
    assert found.items() >= fact.items()
    assert found["judge"]["name"].startswith("judges.status.agent:")
    assert all(found["scenarios"])


def test_explanation_cites_the_matrix(tmp_path: Path) -> None:
    """Each row that the rule guards."""
    folder = version(tmp_path / "v0.1")
    rows = [row("R-ask", requirements=["status.polite"]), row("R-shout", **{"must-not": {"wos": ["status.polite"]}})]
    themes = [{"id": "talk", "title": "Talk", "rows": [*rows, row("R-sing", requirements=["status.sung"])]}]
    empty: dict[str, Any] = {"parties": {}, "off-wire": {}, "taps": {}, "boundary-tests": {}, "sequences": []}
    (folder / "responsibilities.yaml").write_text(yaml.safe_dump({**empty, "themes": themes}))
    found = explain(Specification.read(folder), "status.polite")
    assert [place.name for place in found.responsibilities] == ["R-ask", "R-shout"]
    assert (found.judge, found.scenarios, found.mutants) == (None, [], None)


def row(name: str, **members: Any) -> dict[str, Any]:
    """A row of the matrix."""
    told = {"statement": "Speak.", "rationale": "Somebody has to.", "owner": "agent", "release": "v1", "interface": []}
    return {"id": name, **told, **members}


def test_credentials_are_made_once(tmp_path: Path) -> None:
    """A second `init` into the same folder changes nothing."""
    assert command("init", str(tmp_path / "credentials")).exit_code == 0
    before = contents(tmp_path)
    result = command("init", str(tmp_path / "credentials"))
    assert result.exit_code == 2
    assert contents(tmp_path) == before


def test_specification_that_contradicts_itself_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence and with exit code 3: nothing can be judged by it."""

    def refuse(version: str = "1.0") -> Specification:
        raise SpecificationError("status.x stands twice")

    monkeypatch.setattr(Specification, "load", refuse)
    result = command("list")
    assert (result.exit_code, result.output) == (3, "could not judge: status.x stands twice\n")


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
    "arguments",
    [
        (),
        ("run", "wos"),
        ("run", "agent"),
        ("judge",),
        ("list",),
        ("explain",),
        ("init",),
        ("spec",),
        ("spec", "diff"),
        ("spec", "release"),
    ],
)
def test_help_fits_a_terminal(arguments: tuple[str, ...]) -> None:
    """80 columns."""
    lines = command(*arguments, "--help").output.splitlines()
    assert lines
    assert max(map(len, lines)) <= 80
