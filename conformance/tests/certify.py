"""`make certify`: the reference WOS and agent as real processes, run, and judged again from the evidence."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from reference import Address, running_agent, running_wos

REPORTS = Path(__file__).resolve().parents[2] / "reports" / "local"
SUITE = (sys.executable, "-m", "wos_conformance")
AGENT_TIMES = ("--poll-interval", "0.1", "--request-timeout", "2", "--max-backoff", "1", "--apply-time", "3")


def main() -> int:
    """Certify both roles; the worst exit code of all."""
    stamp = time.strftime("%Y%m%dT%H%M%S")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        credentials = folder / "credentials"
        _call("init", str(credentials))
        wos = stack.enter_context(running_wos(folder / "wos", credentials))
        agent = stack.enter_context(running_agent(folder / "agent"))
        codes = [
            _certify("wos", stamp, wos, ["--url", wos.wos_url, "--credentials", str(credentials)]),
            _certify("agent", stamp, agent, AGENT_TIMES),
        ]
    return max(codes)


def _certify(role: str, stamp: str, address: Address, options: Sequence[str]) -> int:
    folder = REPORTS / f"reference-{role}-{stamp}-{os.getpid()}"
    control = ["--control", address.control_url, "--control-token-file", str(address.token_file)]
    print(f"\n== {role} ==", flush=True)
    began = time.monotonic()
    code = _call("run", role, *options, *control, "--target", f"reference-{role}", "--out", str(folder))
    print(f"took {time.monotonic() - began:.1f} s", flush=True)
    again = _call("judge", str(folder), quiet=True)
    print(f"judged again from the evidence alone: {'same verdict' if again == code else f'exit {again}'}", flush=True)
    return max(code, again)


def _call(*arguments: str, quiet: bool = False) -> int:
    output = subprocess.DEVNULL if quiet else None
    return subprocess.run([*SUITE, *arguments], stdout=output, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
