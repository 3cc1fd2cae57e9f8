"""The suite judges the agent on real engines: `wos-conformance run agent` at quick depth.

The evidence stays below `reports/local`.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(2400)
REPORTS = Path(__file__).resolve().parents[4] / "reports" / "local"
SUITE = (sys.executable, "-m", "wos_conformance")
TIMES = ("--poll-interval", "0.2", "--request-timeout", "3", "--max-backoff", "0.5", "--apply-time", "180")


@pytest.fixture
def control(engine, make, tmp_path):
    """Where the test control of an agent with this runtime is, and the file with its token."""
    ready, token, log = tmp_path / "ready.json", tmp_path / "token", tmp_path / "control.log"
    token.write_text("secret")
    command = [sys.executable, "-m", "wos_reference.agent", "test-control", "--folder", str(tmp_path / "controlled")]
    command += ["--token-file", str(token), "--ready-file", str(ready)]
    variables = {f"WOS_AGENT_{name.upper()}": json.dumps(value) for name, value in engine.settings.items()}
    with log.open("wb") as output:
        environment = os.environ | variables | {"PYTHONPATH": str(make.SOURCES)}
        with subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process:
            yield wait_for(ready, process), token
            process.terminate()


def wait_for(ready, process, patience=30.0):
    deadline = time.monotonic() + patience
    while not ready.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return json.loads(ready.read_text())["url"]


def test_every_must_that_applies_is_kept(control, engine):
    """0 says that every applicable MUST has passed and none was left untested but those that nobody can test."""
    url, token = control
    folder = REPORTS / f"reference-agent-{engine.feature}-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    command = [*SUITE, "run", "agent", *TIMES, f"--feature={engine.feature}", "--feature=content-encoding"]
    command += ["--control", url, "--control-token-file", str(token), "--out", str(folder)]
    done = subprocess.run([*command, f"--target=reference-agent-{engine.feature}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    assert json.loads((folder / "report.json").read_bytes())["conclusion"]["conformant"]
    assert engine.leftovers() == []
