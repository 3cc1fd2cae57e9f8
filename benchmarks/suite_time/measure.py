"""How long a run of the suite takes against the references, beside what its requests and its polls take alone.

Writes `result.md`: `make benchmark-suite`. Needs a system with `os.wait4`.
"""

import argparse
import json
import os
import platform
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NamedTuple

import httpx

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "conformance" / "tests"))

from identity_service import ANCHORS, identity_service  # noqa: E402 -- found by the line above
from mutated import CLAIMED, SUITE  # noqa: E402
from reference import Address, running_agent, running_wos  # noqa: E402

RESULT = Path(__file__).with_name("result.md")
AGENT_TIMES = ("--request-timeout", "1.5", "--max-backoff", "0.2", "--apply-time", "3")
GROWING = (0.1, 0.2, 0.4)  # seconds of poll intervals
AGENT_INTERVAL = 0.2
DEVICES = 2
HEADS = ("run", "s to the first verdict", "s in all", "CPU s of the suite", "s bare", "exit", "MUST passed", "failed")


class Taken(NamedTuple):
    """One run: seconds until the first scenario was judged, in all, of CPU, and of the bare requests or polls."""

    name: str
    first: float
    whole: float
    processor: float
    bare: float
    code: int
    passed: int
    failed: int


def main() -> None:
    """Measure the chosen roles and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--roles", nargs="+", choices=["wos", "agent"], default=["wos", "agent"])
    roles = parser.parse_args().roles
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        credentials = folder / "credentials"
        subprocess.run([*SUITE, "init", str(credentials)], stdout=subprocess.DEVNULL, check=True)
        found = [
            *(wos_runs(folder, credentials) if "wos" in roles else ()),
            *(agent_runs(folder) if "agent" in roles else ()),
        ]
    RESULT.write_text(page(found), "utf-8")


def wos_runs(folder: Path, credentials: Path) -> Iterator[Taken]:
    """Quick and standard depth against the WOS, with one worker and with two."""
    for depth, workers in (("quick", 1), ("quick", 2), ("standard", 1), ("standard", 2)):
        place = folder / f"wos-{depth}-{workers}"
        place.mkdir()
        settings = {"identity_service": identity_service(place, credentials)}
        with running_wos(place, credentials, settings=settings) as wos:
            command = ["wos", "--url", wos.wos_url, "--credentials", str(credentials), "--workers", str(workers)]
            command += ["--identity-service", wos.identity_url, "--identity-anchors", str(place / ANCHORS)]
            command += _claims(*CLAIMED["wos"])
            run = timed([*command, "--depth", depth], wos, place / "run")
            bare = bare_requests(wos.wos_url, credentials, len(exchanges(place / "run")))
        yield run._replace(name=f"WOS, {depth}, {_counted(workers, 'worker')}", bare=bare)


def agent_runs(folder: Path) -> Iterator[Taken]:
    """Quick depth with growing poll intervals, standard depth with one device and with several."""
    for interval in GROWING:
        yield agent_run(folder, "quick", interval, DEVICES)
    for devices in (1, DEVICES):
        yield agent_run(folder, "standard", AGENT_INTERVAL, devices)


def agent_run(folder: Path, depth: str, interval: float, devices: int) -> Taken:
    """One run against so many devices, which share the scenarios."""
    place = folder / f"agent-{depth}-{interval}-{devices}"
    with ExitStack() as stack:
        first = stack.enter_context(running_agent(place))
        command = ["agent", "--poll-interval", str(interval), *AGENT_TIMES, *_claims("gateway", "content-encoding")]
        for number in range(1, devices):
            twin = stack.enter_context(running_agent(place / str(number), token_file=first.token_file))
            command += ["--further-control", twin.control_url]
        run = timed([*command, "--depth", depth], first, place / "run")
    polls = [head for head in exchanges(place / "run") if head.startswith("GET /api/v1/deployments ")]
    name = f"agent, {depth}, a poll every {interval} s, {_counted(devices, 'device')}"
    return run._replace(name=name, bare=len(polls) * interval / devices)


def timed(options: Sequence[str], target: Address, run: Path) -> Taken:
    """Run the suite once. Raises ValueError when it left no report."""
    command = [*SUITE, "run", *options, "--seed", "7", "--out", str(run)]
    command += ["--control", target.control_url, "--control-token-file", str(target.token_file)]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        first = _first_verdict(process.stdout) - began
        process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    whole = time.monotonic() - began
    counts = json.loads((run / "report.json").read_bytes())["conclusion"]["counts"]["MUST"]
    passed, failed = counts.get("passed", 0), counts.get("failed", 0)
    return Taken("", first, whole, usage.ru_utime + usage.ru_stime, 0.0, process.returncode, passed, failed)


def _first_verdict(output: IO[bytes]) -> float:
    """When the first scenario was judged, which a line of the progress tells."""
    for line in output:
        if line.rstrip().endswith(b" left"):
            break
    return time.monotonic()


def exchanges(run: Path) -> list[str]:
    """The head of each request of a run."""
    lines = [json.loads(line) for part in run.glob("history*.ndjson") for line in part.read_bytes().splitlines()]
    return [line["request"]["head"] for line in lines if line["kind"] == "exchange"]


def bare_requests(url: str, credentials: Path, count: int) -> float:
    """Seconds for so many polls by a client that does nothing else, on one connection."""
    context = ssl.create_default_context(cafile=str(credentials / "trust-bundle.pem"))
    context.check_hostname = False
    context.load_cert_chain(credentials / "pool" / "agent-1.pem", credentials / "pool" / "key.pem")
    with httpx.Client(base_url=url, verify=context, trust_env=False) as client:
        began = time.monotonic()
        for _ in range(count):
            client.get("/api/v1/deployments", headers={"Accept": "application/vnd.margo.manifest.v1+json"})
        return time.monotonic() - began


def page(runs: Sequence[Taken]) -> str:
    """The figures as Markdown."""
    machine = f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
    rows = [
        (
            *(run.name, f"{run.first:.1f}", f"{run.whole:.0f}", f"{run.processor:.0f}", f"{run.bare:.0f}"),
            *(str(run.code), str(run.passed), str(run.failed)),
        )
        for run in runs
    ]
    lines = [" | ".join(("", *row, "")).strip() for row in (HEADS, ("---",) * len(HEADS), *rows)]
    parts = [
        "# Figures",
        "Written by `make benchmark-suite`; see README.md.",
        f"{machine}; load of the machine at the end {os.getloadavg()[0]:.1f}.",
        "\n".join(lines),
    ]
    return "\n\n".join(parts) + "\n"


def _claims(*features: str) -> list[str]:
    return [word for feature in features for word in ("--feature", feature)]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number > 1 else "")


if __name__ == "__main__":
    main()
