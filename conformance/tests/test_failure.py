"""What a failure tells is what somebody can do: its command lines can be copied, and the `curl` line repeats it."""

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from mutants import mutants_of
from mutated import COMMITTED, MUTATE, RUN, judged_at
from reference import running_wos
from told import begun, exchanged
from wos_conformance.history import Connection, Credential
from wos_conformance.judges import Judgement
from wos_conformance.report.failure import curl, failure_text
from wos_conformance.specification import Specification

RULE = Specification.load().requirement("desired-state.modified-served")
CLIENT = "spiffe://plant.example/margo/wfm/main/client/press-1"


def told(folder: Path, credential: Credential, request: str = "GET /api/v1/deployments HTTP/1.1") -> list[str]:
    """The `curl` line of one exchange, as a shell takes it apart."""
    with begun(folder) as recorder:
        facts = {"by": "suite", "outcome": "established", "credential": credential}
        recorder.record(Connection, connection="c", **facts)
        exchange = exchanged(recorder, request, "HTTP/1.1 304 Not Modified")
        return shlex.split(" ".join(curl(recorder.history(), exchange.seq)))


@pytest.mark.parametrize(
    ("credential", "shown"),
    [
        pytest.param(Credential(name="good", spiffe_id=CLIENT), "$CREDENTIALS/replay/press-1.pem", id="good"),
        pytest.param(
            Credential(name="sha-1", spiffe_id=CLIENT, flaw="sha-1"),
            "$CREDENTIALS/replay/press-1-sha-1.pem",
            id="flawed",
        ),
        pytest.param(
            Credential(name="no-uri-san", flaw="no-uri-san"), "$CREDENTIALS/replay/no-uri-san.pem", id="nameless"
        ),
        pytest.param(Credential(name="none", flaw="none"), None, id="none"),
    ],
)
def test_credential_is_named(tmp_path: Path, credential: Credential, shown: str | None) -> None:
    """By the files that lie beside the credentials."""
    words = told(tmp_path, credential)
    assert (words[words.index("--cert") + 1] if "--cert" in words else None) == shown


def test_request_is_repeated_as_it_was(tmp_path: Path) -> None:
    """Method, target and headers, with their quotes and spaces; not what belongs to the connection."""
    request = 'GET /api/v1/deployments?a=\'b c\' HTTP/1.1\nHost: x\nIf-None-Match: "a", W/"b"\nUser-Agent: agent/1'
    words = told(tmp_path, Credential(name="good", spiffe_id=CLIENT), request)
    assert words[-1] == "$WOS/api/v1/deployments?a='b c'"
    assert [words[n + 1] for n, word in enumerate(words) if word == "--header"] == ['If-None-Match: "a", W/"b"']


def test_lines_fit_a_terminal_and_can_be_copied(tmp_path: Path) -> None:
    """A command goes on behind a backslash."""
    with begun(tmp_path) as recorder:
        exchange = exchanged(recorder, "GET /api/v1/deployments HTTP/1.1", "HTTP/1.1 304 Not Modified")
        judgement = Judgement(RULE.id, kept=False, event=exchange.seq, did="asked", expected="200", received="304")
        lines = failure_text(RULE, judgement, recorder.history()).splitlines()
    assert max(map(len, lines)) <= 80
    command = "\n".join(lines[lines.index(next(line for line in lines if line.startswith("  replay"))) :])
    replayed, _, _ = command.partition("\n  curl")
    assert shlex.split(replayed.replace("\\\n", ""))[:4] == ["replay", "wos-conformance", "run", "wos"]


def test_curl_line_shows_the_failure_again(tmp_path: Path, credentials: Path) -> None:
    """Against the same WOS, with the files that the run has left, the answer is the one that broke the rule."""
    mutant = mutants_of("wos")["takes_any_tag_for_the_current_one"]
    command = (*MUTATE, "wos", mutant.name, str(tmp_path / COMMITTED))
    with running_wos(tmp_path / "wos", credentials, command) as wos:
        done = judged_at(wos, "wos", credentials, tmp_path, "--only", mutant.requirement, deadline=120)
        assert done.code == 1, done.told
        report = json.loads((tmp_path / RUN / "report.json").read_bytes())
        broken = next(row["first_broken"] for row in report["requirements"] if row["id"] == mutant.requirement)
        line = broken["text"].partition("  curl      ")[2]
        (surroundings,) = (line for line in done.told.splitlines() if line.startswith("for curl: "))
        assert f"WOS={wos.wos_url}; CREDENTIALS={credentials}" in surroundings
        environment = {**os.environ, "WOS": wos.wos_url, "CREDENTIALS": str(credentials)}
        options = {"capture_output": True, "text": True, "check": False, "timeout": 30}
        again = subprocess.run(["sh", "-c", line], cwd=tmp_path / RUN, env=environment, **options)  # type: ignore[call-overload]
    assert "HTTP/1.1 304" in again.stdout, again.stderr
    assert "304" in broken["received"]
