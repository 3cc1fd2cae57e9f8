"""`make examples`: a WOS in Node.js and an agent in Go, made from the specification alone, are run and judged."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
SUITE = (sys.executable, "-m", "wos_conformance")
AGENT_TIMES = ("--poll-interval", "0.1", "--request-timeout", "2", "--max-backoff", "1", "--apply-time", "5")
NEEDED = ("node", "go")
COULD_NOT_JUDGE = 3
_READY_WITHIN = 30.0
_GONE_WITHIN = 5.0


def main() -> int:
    """The worst exit code of both runs."""
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        print(f"the examples need {' and '.join(missing)} on the PATH", file=sys.stderr)
        return COULD_NOT_JUDGE
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        token_file = folder / "token"
        token_file.write_text(secrets.token_hex(16), "ascii")
        return max(judge_node_wos(folder, token_file), judge_go_agent(folder, token_file))


def judge_node_wos(folder: Path, token_file: Path) -> int:
    """The exit code of the run against the WOS."""
    credentials = folder / "credentials"
    subprocess.run([*SUITE, "init", str(credentials)], stdout=subprocess.DEVNULL, check=True)
    command = ["node", str(EXAMPLES / "node-wos" / "control.mjs"), "--control-port", "0", "--port", "0"]
    command += ["--credentials", str(credentials), "--storage", str(folder / "journal")]
    with _started(command, folder / "wos", {"CONTROL_TOKEN": token_file.read_text("ascii")}) as line:
        address = json.loads(line)
        options = ["--url", address["wosUrl"], "--credentials", str(credentials), "--control", address["controlUrl"]]
        return _run("wos", "node-wos", [*options, "--control-token-file", str(token_file)])


def judge_go_agent(folder: Path, token_file: Path) -> int:
    """The exit code of the run against the agent."""
    program = str(folder / "go-agent")
    subprocess.run(["go", "build", "-o", program, "."], cwd=EXAMPLES / "go-agent", check=True)
    command = [program, "shim", "-token", token_file.read_text("ascii"), "-root", str(folder / "agents")]
    with _started(command, folder / "agent") as url:
        options = [*AGENT_TIMES, "--control", url, "--control-token-file", str(token_file)]
        return _run("agent", "go-agent", options)


def _run(role: str, target: str, options: Sequence[str]) -> int:
    report = ROOT / "reports" / "local" / f"{target}-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    print(f"\n== {target} ==", flush=True)
    command = [*SUITE, "run", role, "--target", target, "--out", str(report), *options]
    return subprocess.run(command, check=False).returncode


@contextmanager
def _started(
    command: Sequence[str], output: Path, environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[str]:
    """A process, and the first line that it prints, which says where it is reached."""
    with (
        output.with_suffix(".out").open("wb") as out,
        output.with_suffix(".log").open("wb") as log,
        subprocess.Popen(command, stdout=out, stderr=log, env={**os.environ, **environment}) as process,
    ):
        try:
            yield _first_line(process, output)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_GONE_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()


def _first_line(process: "subprocess.Popen[bytes]", output: Path) -> str:
    deadline = time.monotonic() + _READY_WITHIN
    while "\n" not in (printed := output.with_suffix(".out").read_text("utf-8")):
        if process.poll() is not None or time.monotonic() > deadline:
            said = output.with_suffix(".log").read_text("utf-8")[-2000:]
            raise RuntimeError(f"{process.args!r} did not become ready: {said}")
        time.sleep(0.01)
    return printed.partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
