"""The reference WOS under load beside a bare endpoint on the same server, and its memory with a large fleet.

Writes `result.md`: `python benchmarks/wos_load/measure.py`.
"""

import argparse
import json
import os
import platform
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import httpx
from populate import TrustDomain, client_id, populate, report

from wos_reference.wos.artifact import digest_of
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.storage import open_database

FOLDER = Path(__file__).resolve().parent
TOKEN = "a token of the benchmark"
CONNECTIONS = 16
OPEN_AT_ONCE = 1000
ROUNDS = 3
WARM_UP = 1.0
PATIENCE = 60.0
MEBIBYTE = 1024
STATES = ("installing", "installed")


class Server(NamedTuple):
    """A server as a process."""

    process: int
    wos_url: str
    control_url: str

    def memory(self, name: str) -> float:
        """A figure about its memory, in MiB."""
        status = Path(f"/proc/{self.process}/status").read_text("ascii")
        return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) / MEBIBYTE  # type: ignore[index]


class Round(NamedTuple):
    """One load of one server: requests a second, the same for each second of its processor, shares, milliseconds."""

    rate: float
    rate_per_core: float
    server: float
    generator: float
    median: float
    late: float


def main() -> None:
    """Measure and write the page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clients", type=int, default=10_000)
    options.add_argument("--deployments", type=int, default=20, help="of each client")
    options.add_argument("--seconds", type=float, default=4, help="of each round")
    options.add_argument("--page", type=Path, default=FOLDER / "result.md")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(folder, chosen.clients, chosen.deployments, chosen.seconds)
        busy = os.getloadavg()[0]
        memory, rounds = bench.measure()
        commits = commits_per_second(folder / "commits.sqlite3")
    chosen.page.write_text(page(chosen, memory, rounds, commits, busy), "utf-8")


class Bench:
    """A fleet, and both servers in turn."""

    def __init__(self, folder: Path, clients: int, each: int, seconds: float) -> None:
        self.folder, self.clients, self.seconds = folder, clients, seconds
        self.trust_domain = TrustDomain(folder)
        self.manifest = folder / "manifest.json"
        self.chosen = random.Random(4711).sample(range(clients), CONNECTIONS)
        engine = open_database(self._database("reference"))
        populate(engine, clients, each)
        fleet = Fleet(engine)
        self.tags = {client: f'"{digest_of(fleet.manifest(client_id(client)))}"' for client in self.chosen}
        self.manifest.write_bytes(fleet.manifest(client_id(self.chosen[0])))

    def measure(self) -> tuple[dict[str, float], dict[str, dict[str, list[Round]]]]:
        """Memory, then rounds by kind of request and by server."""
        with self.reference() as reference, self.bare() as bare:
            memory = self.memory(reference)
            servers = {"bare": bare, "reference": reference}
            rounds: dict[str, dict[str, list[Round]]] = {kind: {name: [] for name in servers} for kind in self.kinds}
            for _ in range(ROUNDS):
                for kind in self.kinds:
                    for name, server in servers.items():
                        rounds[kind][name].append(self.round(server, kind))
            memory["after the load"] = reference.memory("VmRSS")
            memory["largest ever"] = reference.memory("VmHWM")
        return memory, rounds

    # servers

    def reference(self) -> Any:
        """The reference WOS over the large fleet."""
        return self._running("reference", ["-m", "wos_reference.wos", "serve", "--config"])

    def bare(self) -> Any:
        """The bare endpoint, with a WOS that has nobody."""
        return self._running("bare", [str(FOLDER / "bare.py")], str(self.manifest))

    @contextmanager
    def _running(self, name: str, program: list[str], *more: str) -> Iterator[Server]:
        path, ready = self._configuration(name)
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen([sys.executable, *program, str(path), *more], stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + PATIENCE
            while not ready.exists() or not ready.stat().st_size:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit((self.folder / f"{name}.log").read_text())
                time.sleep(0.05)  # noqa: TID251 # until the deadline above
            facts = json.loads(ready.read_bytes())
            yield Server(process.pid, facts["wosUrl"], facts.get("controlUrl", ""))
        finally:
            process.terminate()
            process.wait(PATIENCE)

    def _configuration(self, name: str) -> tuple[Path, Path]:
        path, ready, token = self.folder / f"{name}.yaml", self.folder / f"{name}.ready", self.folder / "token"
        token.write_text(TOKEN)
        settings = {
            "listen": "127.0.0.1:0",
            "operator_listen": "127.0.0.1:0",
            "svid": str(self.trust_domain.wos),
            "key": str(self.trust_domain.key),
            "trust_bundle": str(self.trust_domain.root),
            "operator_token_file": str(token),
            "database": self._database(name),
            "ready_file": str(ready),
        }
        path.write_text(json.dumps(settings))
        return path, ready

    def _database(self, name: str) -> str:
        return f"sqlite:///{self.folder / name}.sqlite3"

    # requests

    @property
    def kinds(self) -> dict[str, tuple[Callable[[int], list[str]], set[int]]]:
        """For each kind of request what a client sends in turn, and how it is answered."""
        return {
            "poll, answered 304": (lambda client: [get({"If-None-Match": self.tags[client]})], {304}),
            "manifest, answered 200": (lambda client: [get({})], {200}),
            "status, committed": (lambda client: [post(client, state) for state in STATES], {200, 201}),
        }

    def round(self, server: Server, kind: str) -> Round:
        """Load a server with one kind of request."""
        requests, expected = self.kinds[kind]
        visitors = {client: requests(client) for client in self.chosen}
        found = self.generate(server, "load", visitors, seconds=self.seconds, warm_up=WARM_UP)
        if {int(status) for status in found["statuses"]} - expected:
            raise SystemExit(f"{kind} was answered {found['statuses']}")
        times, count = quantiles(found["seconds"], n=100), len(found["seconds"])
        return Round(
            count / found["elapsed"],
            count / found["server"],
            found["server"] / found["elapsed"],
            found["generator"] / found["elapsed"],
            times[49] * 1000,
            times[98] * 1000,
        )

    def memory(self, server: Server) -> dict[str, float]:
        """Resident memory of the reference, in MiB, after each step."""
        found = {"after the start": server.memory("VmRSS")}
        everybody = {client: [get({})] for client in range(self.clients)}
        self.generate(server, "visit", everybody, stay=CONNECTIONS)
        found["after everybody has polled"] = server.memory("VmRSS")
        with httpx.Client(base_url=server.control_url, auth=("", TOKEN), trust_env=False, timeout=PATIENCE) as operator:
            for path in ("/metrics", "/"):
                operator.get(path).raise_for_status()
                found[f"after `{path}` was read"] = server.memory("VmRSS")
        some = dict(list(everybody.items())[:OPEN_AT_ONCE])
        visited = self.generate(server, "visit", some, stay=OPEN_AT_ONCE)
        found[f"with {len(some)} connections open"] = visited["resident"] / MEBIBYTE
        return found

    def generate(self, server: Server, act: str, visitors: dict[int, list[str]], **plan: Any) -> Any:
        """Run the generator."""
        url = httpx.URL(server.wos_url)
        plan |= {"act": act, "server": server.process, "host": url.host, "port": url.port}
        plan["root"] = str(self.trust_domain.root)
        plan["visitors"] = [
            {"credential": str(self.trust_domain.agent(client)), "requests": requests}
            for client, requests in visitors.items()
        ]
        command = [sys.executable, str(FOLDER / "load.py")]
        return json.loads(subprocess.run(command, input=json.dumps(plan).encode(), stdout=-1, check=True).stdout)


def get(headers: dict[str, str]) -> str:
    """A poll."""
    lines = ["GET /api/v1/deployments HTTP/1.1", "Host: wos", "Accept: application/vnd.margo.manifest.v1+json"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""])


def post(client: int, state: str) -> str:
    """A status report about the first deployment."""
    deployment_id, body = report(client, 0, state)
    lines = [f"POST /api/v1/deployments/{deployment_id}/status HTTP/1.1", "Host: wos", "Content-Type: application/json"]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


def commits_per_second(path: Path, seconds: float = 2.0) -> float:
    """What the disk gives: single updates, each committed as the reference does it, by nothing but SQLite."""
    with sqlite3.connect(path, isolation_level=None) as connection:
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE x (y)"):
            connection.execute(statement)
        connection.execute("INSERT INTO x VALUES (0)")
        began, count = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - began) < seconds:
            connection.execute("UPDATE x SET y = y + 1")
            count += 1
    connection.close()
    return count / elapsed


def page(
    chosen: argparse.Namespace,
    memory: dict[str, float],
    rounds: dict[str, dict[str, list[Round]]],
    commits: float,
    busy: float,
) -> str:
    """The figures as Markdown."""
    heads = ["Request", "Server", "a second", "a second and core", "share of bare", "p50 ms", "p99 ms"]
    heads += ["cores of server", "cores of generator"]
    lines = [line for kind, found in rounds.items() for line in cells(kind, found)]
    libraries = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "h11", "starlette", "sqlalchemy"))
    machine = f"{os.cpu_count()} cores ({processor()}), Python {platform.python_version()}, {libraries}"
    fleet = f"{chosen.clients} clients with {chosen.deployments} deployments each"
    rounds_told = f"{CONNECTIONS} connections, {ROUNDS} rounds of {chosen.seconds:g} s, the median of each figure"
    return (
        "\n\n".join(
            [
                "# Figures",
                f"Written by `python benchmarks/wos_load/measure.py{arguments()}`; see README.md.",
                f"{machine}; {fleet}; {rounds_told}.",
                table([heads, *lines]),
                f"SQLite alone commits {commits:.0f} single updates a second on this disk.",
                f"Load of the machine when it began: {busy:.1f} (1 minute).",
                "## Resident memory of the reference",
                table([["When", "MiB"], *([when, f"{size:.0f}"] for when, size in memory.items())]),
            ]
        )
        + "\n"
    )


def arguments() -> str:
    """The arguments of this run, as they were given."""
    return "".join(f" {word}" for word in sys.argv[1:])


def processor() -> str:
    """What the machine says that it has."""
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text("ascii"))
    return found[1] if found else platform.machine()


def cells(kind: str, found: dict[str, list[Round]]) -> list[list[str]]:
    """Both lines of a kind of request."""
    middle = {name: Round(*map(median, zip(*rounds, strict=True))) for name, rounds in found.items()}
    return [
        [
            kind,
            name,
            f"{one.rate:.0f}",
            f"{one.rate_per_core:.0f}",
            f"{one.rate_per_core / middle['bare'].rate_per_core:.0%}",
            f"{one.median:.1f}",
            f"{one.late:.1f}",
            f"{one.server:.2f}",
            f"{one.generator:.2f}",
        ]
        for name, one in middle.items()
    ]


def table(lines: list[list[str]]) -> str:
    """Lines of a table, the first one being its head."""
    rows = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    main()
