"""What the reference agent costs: idle, from publication to installation, and in bytes for one change.

Writes `result.md`: `make benchmark-agent`, or `python benchmarks/agent_cost/measure.py`. Needs Linux (`/proc`).
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import bare
from stub import MANIFEST, StubWos, deployment_id, document

FOLDER = Path(__file__).resolve().parent
COUNTS = (1, 100, 1000)
POLLS = 1000
IDLE_INTERVAL = 0.02  # seconds, so that 1 000 polls end soon; what is counted is the work of a poll
INTERVAL = 0.5
PATIENCE = 600.0
DEVICE = "press-7"
CAPABILITIES = {
    "properties": {
        "id": DEVICE,
        "vendor": "Example",
        "modelNumber": "E1",
        "serialNumber": "0007",
        "cpus": [{"cores": 2, "architecture": "amd64"}],
        "memory": "2Gi",
        "storage": "59Gi",
        "peripherals": [],
        "interfaces": [{"type": "ethernet"}],
        "otelCollector": True,
        "supportedRuntimes": ["oci"],
        "supportedDeploymentTypes": ["compose"],
    }
}
TICK = os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """What a process has used so far: CPU seconds and MiB."""

    seconds: float
    now: float
    peak: float


class Idle(NamedTuple):
    """The cost of 1 000 polls that were answered 304."""

    who: str
    deployments: int
    seconds: float
    now: float
    peak: float


class Installing(NamedTuple):
    """Seconds from publication to the last file and to the last report, and for the bare copy; then the agent's use."""

    deployments: int
    files: float
    reports: float
    bare: float
    use: Usage


class Changing(NamedTuple):
    """Bytes in both directions to learn of one change, with its document or with the bundle; then its reports."""

    deployments: int
    manifest: int
    document: int
    bundle: int
    total: int


def main() -> None:
    """Measure everything and write the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        credentials = folder / "credentials"
        init = [sys.executable, "-m", "wos_conformance", "init", str(credentials)]
        subprocess.run(init, stdout=subprocess.DEVNULL, check=True)
        idle, installing, changing = [bare_polls(credentials)], [], []
        for count in (0, *COUNTS):
            work = folder / str(count)
            work.mkdir()
            with StubWos(credentials) as wos:
                if count:
                    installing.append(install(wos, work, credentials, count))
                    changing.append(change(wos, work, credentials, count))
                idle.append(polls(wos, work, credentials, count))
    (FOLDER / "result.md").write_text(page(idle, installing, changing), "utf-8")


@contextmanager
def running_agent(wos: StubWos, folder: Path, credentials: Path, interval: float) -> Iterator[int]:
    """The agent as a process; its id."""
    (folder / "capabilities.json").write_text(json.dumps(CAPABILITIES))
    pool = credentials / "pool"
    settings = {
        "wos_url": wos.url,
        "svid": str(pool / "agent-1.pem"),
        "key": str(pool / "key.pem"),
        "trust_bundle": str(credentials / "trust-bundle.pem"),
        "capabilities": "capabilities.json",
        "state": "state",
        "poll_interval": interval,
        "request_timeout": 30,
        "max_backoff": 1,
    }
    (folder / "agent.yaml").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "wos_reference.agent", "run", "--config", str(folder / "agent.yaml")]
    with running(command, folder) as pid:
        yield pid


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[int]:
    """A process for as long as the context lasts."""
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        yield process.pid
        process.terminate()


def usage(pid: int) -> Usage:
    """What the kernel has counted of a process."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    lines = (line.split(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    sizes = {name: int(text.split()[0]) / 1024 for name, text in lines if name in ("VmRSS", "VmHWM")}
    return Usage((int(parts[11]) + int(parts[12])) / TICK, sizes["VmRSS"], sizes["VmHWM"])


def documents(count: int, revision: str = "1.0.0") -> dict[str, bytes]:
    """So many documents; of a changed set only the first has the revision."""
    revisions = {1: revision}
    return {deployment_id(n): document(n, revisions.get(n, "1.0.0"), DEVICE) for n in range(1, count + 1)}


def over_polls(wos: StubWos, pid: int, who: str, deployments: int) -> Idle:
    """Count 1 000 polls from now on."""
    first = wos.polls
    wos.wait(lambda: wos.polls >= first + 20, PATIENCE)
    begin, before = wos.polls, usage(pid)
    wos.wait(lambda: wos.polls >= begin + POLLS, PATIENCE)
    after = usage(pid)
    return Idle(who, deployments, after.seconds - before.seconds, after.now, after.peak)


def bare_polls(credentials: Path) -> Idle:
    """The same polls by nothing but an HTTP client."""
    with StubWos(credentials) as wos:
        wos.publish(1, {})
        command = [sys.executable, str(FOLDER / "bare.py"), str(credentials), wos.url, str(IDLE_INTERVAL)]
        with running(command, credentials) as pid:
            return over_polls(wos, pid, "httpx alone", 0)


def polls(wos: StubWos, folder: Path, credentials: Path, count: int) -> Idle:
    """What the agent uses while nothing changes; it was installed before."""
    if not count:
        wos.publish(1, {})
    with running_agent(wos, folder, credentials, IDLE_INTERVAL) as pid:
        return over_polls(wos, pid, "agent", count)


def install(wos: StubWos, folder: Path, credentials: Path, count: int) -> Installing:
    """Publish to an agent that runs and has nothing; then let the bare program copy the same."""
    wos.publish(1, {})
    with running_agent(wos, folder, credentials, INTERVAL) as pid:
        wos.wait(lambda: wos.polls >= 3, PATIENCE)
        began = time.perf_counter()
        bundle = wos.publish(2, documents(count))
        wos.wait(lambda: len(list((folder / "state" / "workloads").glob("*/*.json"))) == count, PATIENCE)
        files = time.perf_counter() - began
        wos.wait(lambda: wos.has_installed(2, count), PATIENCE)
        reports, used = time.perf_counter() - began, usage(pid)
    with bare.client_of(credentials, wos.url) as client:
        client.get(MANIFEST)
        began = time.perf_counter()
        bare.lay_out(client, bundle, folder / "bare")
        return Installing(count, files, reports, time.perf_counter() - began, used)


def change(wos: StubWos, folder: Path, credentials: Path, count: int) -> Changing:
    """Change one deployment while the agent runs; what it would have cost by the bundle is asked by the bare client."""
    with running_agent(wos, folder, credentials, INTERVAL):
        begin = wos.polls
        wos.wait(lambda: wos.polls >= begin + 3, PATIENCE)
        before = traffic(wos)
        bundle = wos.publish(3, documents(count, "1.1.0"))
        wos.wait(lambda: 3 in wos.installed.get(deployment_id(1), ()), PATIENCE)
        total = traffic(wos) - before
    changed = documents(count, "1.1.0")[deployment_id(1)]
    url = next(path for path, body in wos.bodies.items() if body == changed)
    with bare.client_of(credentials, wos.url) as client:
        costs = [cost(wos, client, path) for path in (MANIFEST, url, bundle)]
    return Changing(count, *costs, total)


def cost(wos: StubWos, client: "bare.httpx.Client", path: str) -> int:
    """The bytes of one request and its answer."""
    before = traffic(wos)
    client.get(path)
    wos.wait(lambda: traffic(wos) > before, PATIENCE)
    return traffic(wos) - before


def traffic(wos: StubWos) -> int:
    """All bytes of HTTP so far, heads and bodies, below TLS."""
    return wos.received + wos.sent


def page(idle: list[Idle], installing: list[Installing], changing: list[Changing]) -> str:
    """The figures as Markdown."""
    load = os.getloadavg()[0]
    machine = f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
    idle_rows = [
        (line.who, str(line.deployments), f"{line.seconds:.2f}", f"{line.now:.0f}", f"{line.peak:.0f}") for line in idle
    ]
    install_rows = [
        (
            *(str(line.deployments), f"{line.files:.2f}", f"{line.reports:.2f}", f"{line.bare:.3f}"),
            *(f"{line.use.seconds:.1f}", f"{line.use.peak:.0f}"),
        )
        for line in installing
    ]
    change_rows = [
        (
            *(str(line.deployments), str(line.manifest), str(line.document), str(line.bundle), str(line.total)),
            f"{(line.manifest + line.bundle) / (line.manifest + line.document):.1f}",
        )
        for line in changing
    ]
    install_heads = ("deployments", "s to files", "s to reports", "s bare copy", "CPU s", "MiB peak")
    change_heads = ("deployments", "manifest", "document", "bundle", "agent in all", "factor")
    parts = [
        "# Figures",
        "Written by `make benchmark-agent`; see README.md.",
        f"{machine}; load of the machine at the end {load:.1f}.",
        f"## {POLLS} polls answered 304",
        table(("who", "deployments", "CPU s", "MiB now", "MiB peak"), idle_rows),
        "## From publication to installation",
        table(install_heads, install_rows),
        "## Bytes for one changed deployment",
        table(change_heads, change_rows),
    ]
    return "\n\n".join(parts) + "\n"


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, ("---",) * len(heads), *rows))


if __name__ == "__main__":
    main()
