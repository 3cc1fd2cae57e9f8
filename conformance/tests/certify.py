"""`make certify`: the reference WOS and agent as real processes, run, and judged again from the evidence.

Both runs go on at once, since an agent is mostly waited for; what they say is shown one after the other.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from identity_service import ANCHORS, identity_service
from reference import Address, running_agent, running_wos

REPORTS = Path(__file__).resolve().parents[2] / "reports" / "local"
SUITE = (sys.executable, "-m", "wos_conformance")
FEATURES = {
    "wos": ("gateway", "content-encoding", "enrolment", "trust-discovery"),
    "agent": ("gateway", "content-encoding"),
}
"""What is claimed of the references; the agent keeps more, whose situations take longer than a quick look."""
AGENT_TIMES = ("--poll-interval", "0.025", "--request-timeout", "1.5", "--max-backoff", "0.2", "--apply-time", "3")


def main() -> int:
    """Certify both roles; the worst exit code of all."""
    began = time.monotonic()
    stamp = f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    folders = {role: REPORTS / f"reference-{role}-{stamp}" for role in ("wos", "agent")}
    with ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        credentials = temporary / "credentials"
        subprocess.run([*SUITE, "init", str(credentials)], stdout=subprocess.DEVNULL, check=True)
        settings = {"identity_service": identity_service(temporary, credentials)}
        wos = stack.enter_context(running_wos(temporary / "wos", credentials, settings=settings))
        agent = stack.enter_context(running_agent(temporary / "agent"))
        twin = stack.enter_context(running_agent(temporary / "twin", token_file=agent.token_file))
        wos_options = ["--url", wos.wos_url, "--credentials", str(credentials)]
        wos_options += ["--identity-service", wos.identity_url, "--identity-anchors", str(temporary / ANCHORS)]
        runs = {
            "wos": _run("wos", wos, wos_options, folders["wos"]),
            "agent": _run("agent", agent, (*AGENT_TIMES, "--further-control", twin.control_url), folders["agent"]),
        }
        codes = [_watch(role, run) for role, run in runs.items()]
    print("\n== certified ==")
    judging = {role: _judge_again(folder) for role, folder in folders.items()}
    codes += [_compare(role, folders[role], judging[role], code) for role, code in zip(folders, codes, strict=True)]
    print(f"took {time.monotonic() - began:.0f} s")
    return max(codes)


def _run(role: str, address: Address, options: Sequence[str], folder: Path) -> "subprocess.Popen[str]":
    command = [*SUITE, "run", role, *options, "--target", f"reference-{role}", "--out", str(folder)]
    command += [f"--feature={name}" for name in FEATURES[role]]
    command += ["--control", address.control_url, "--control-token-file", str(address.token_file)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8")


def _watch(role: str, run: "subprocess.Popen[str]") -> int:
    print(f"\n== {role} ==", flush=True)
    assert run.stdout is not None
    for line in run.stdout:
        print(line, end="", flush=True)
    return run.wait()


def _judge_again(folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([*SUITE, "judge", str(folder)], stdout=subprocess.DEVNULL)


def _compare(role: str, folder: Path, judging: "subprocess.Popen[bytes]", code: int) -> int:
    """The verdict from the evidence alone, and the figures of the run in one line."""
    again = judging.wait()
    counts = json.loads((folder / "report.json").read_bytes())["conclusion"]["counts"]["MUST"]
    figures = ", ".join(
        f"{counts.get(state, 0)} {state.replace('-', ' ')}" for state in ("passed", "failed", "not-tested")
    )
    same = "the same from the evidence alone" if again == code else f"exit {again} from the evidence alone"
    print(f"{role:<6} MUST {figures}; {same}")
    return again


if __name__ == "__main__":
    sys.exit(main())
