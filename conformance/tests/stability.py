"""`make stability`: seeded runs against the reference over a bad path; no requirement may be judged in two ways.

A relay delays what passes and rarely resets a connection; what the reference does is the same in all runs.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutants import Role
from mutated import RUN, SUITE, judged_reference

REPORTS = Path(__file__).resolve().parents[2] / "reports" / "local"
RUNS: dict[Role, int] = {"wos": 50, "agent": 30}
RUNS_IN_CI = 3
JOBS: dict[Role, int] = {"wos": 3, "agent": 3}
"""How many runs of a role go on at once for each core; on a slow path both are mostly waited for."""
TIMES = ("--poll-interval", "0.05", "--request-timeout", "4", "--max-backoff", "0.5", "--apply-time", "30")
"""Long enough for an agent on a slow path that shares its processor with the other runs."""
LONGEST_RUN = 1800.0
CUT = "no verdict"
COULD_NOT_JUDGE = 3


@dataclass(frozen=True)
class Run:
    """One run: the verdict on each requirement, and how often a connection was reset and a scenario was repeated."""

    role: Role
    seed: int
    verdicts: dict[str, str]
    resets: int
    repeats: int
    seconds: float


def main() -> int:
    """0 when no requirement flips, 1 otherwise."""
    options = _options()
    folder = REPORTS / f"stability-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        runs = _all_runs(options, folder, Path(temporary))
    results = [_result(role, [run for run in runs if run.role == role]) for role in options.roles]
    (folder / "stability.json").write_text(json.dumps({"roles": results}, indent=2) + "\n", "utf-8")
    for result in results:
        _show(result)
    stable = sum(len(result["requirements"]) - len(result["flips"]) for result in results)
    flipping = sum(len(result["flips"]) for result in results)
    print(f"{folder / 'stability.json'}")
    print(f"{stable} passed, {flipping} failed")
    return 0 if stable and not flipping else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--roles", nargs="+", choices=list(RUNS), default=list(RUNS))
    parser.add_argument("--runs", type=int, help="runs of each role")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first run; each other one has the next")
    parser.add_argument("--jobs", type=int, help="runs of a role that go on at once")
    return parser.parse_args()


def _all_runs(options: argparse.Namespace, folder: Path, temporary: Path) -> list[Run]:
    """All roles at once, each with as many runs at once as the machine bears."""
    credentials = temporary / "credentials"
    subprocess.run([*SUITE, "init", str(credentials)], stdout=subprocess.DEVNULL, check=True)

    def runs_of(role: Role) -> list[Run]:
        number = options.runs or (RUNS_IN_CI if os.environ.get("CI") == "true" else RUNS[role])
        jobs = options.jobs or JOBS[role] * (os.cpu_count() or 1)
        with ThreadPoolExecutor(jobs) as executor:
            return list(
                executor.map(
                    lambda seed: _run(role, seed, temporary, folder / f"{role}-{seed}"),
                    range(options.seed, options.seed + number),
                )
            )

    with ThreadPoolExecutor(len(options.roles)) as executor:
        return [run for runs in executor.map(runs_of, options.roles) for run in runs]


def _run(role: Role, seed: int, temporary: Path, report: Path) -> Run:
    began, place = time.monotonic(), temporary / f"{role}-{seed}"
    options = ("--seed", str(seed), "--relay-seed", str(seed), "--target", f"reference-{role} behind a relay")
    if role == "agent":
        options += TIMES
    try:
        judged_reference(role, temporary / "credentials", place, *options, deadline=LONGEST_RUN)
        shutil.move(place / RUN, report)
    except (RuntimeError, OSError) as error:  # the reference did not start, or the run left nothing
        print(f"{role:<6} seed {seed:<4} {error}", flush=True)
    run = _read(role, seed, report, time.monotonic() - began)
    print(f"{role:<6} seed {seed:<4} {_counted(run)}, {run.seconds:.0f} s", flush=True)
    return run


def _read(role: Role, seed: int, report: Path, seconds: float) -> Run:
    """What a run has left; without a report, or with a fault of the harness, there is no verdict on anything."""
    try:
        value = json.loads((report / "report.json").read_bytes())
    except OSError:
        return Run(role, seed, {}, 0, 0, seconds)
    is_cut = value["conclusion"]["exit_code"] == COULD_NOT_JUDGE
    verdicts = {row["id"]: CUT if is_cut else row["state"] for row in value["requirements"]}
    events = [json.loads(line) for line in (report / "history.ndjson").read_bytes().splitlines()]
    resets = sum(event["kind"] == "reset" for event in events)
    repeats = sum(event.get("outcome") == "repeated" for event in events)
    return Run(role, seed, verdicts, resets, repeats, seconds)


def _counted(run: Run) -> str:
    counts: dict[str, int] = defaultdict(int)
    for verdict in run.verdicts.values():
        counts[verdict] += 1
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())) or CUT
    return f"{told}; {run.resets} resets, {run.repeats} scenarios repeated"


def _result(role: str, runs: Sequence[Run]) -> dict[str, Any]:
    """How the verdicts on each requirement are distributed, and which of them flip."""
    names = sorted({name for run in runs for name in run.verdicts})
    seeds = {name: _by_verdict(name, runs) for name in names}
    flips = {
        name: {"rate": _flip_rate(found.values()), "seeds": found} for name, found in seeds.items() if len(found) > 1
    }
    return {
        "role": role,
        "seeds": [run.seed for run in runs],
        "resets": sum(run.resets for run in runs),
        "repeated": sum(run.repeats for run in runs),
        "flipRate": round(len(flips) / len(names), 4) if names else 1.0,
        "requirements": {name: {v: len(known) for v, known in found.items()} for name, found in seeds.items()},
        "flips": flips,
    }


def _by_verdict(name: str, runs: Iterable[Run]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for run in runs:
        found.setdefault(run.verdicts.get(name, CUT), []).append(run.seed)
    return found


def _flip_rate(groups: Iterable[Sequence[int]]) -> float:
    """The share of runs whose verdict is not that of the most."""
    sizes = [len(group) for group in groups]
    return round(1 - max(sizes) / sum(sizes), 4)


def _show(result: dict[str, Any]) -> None:
    flips = result["flips"]
    print(f"\n== {result['role']} ==")
    print(f"{len(result['seeds'])} runs, {result['resets']} resets, {result['repeated']} scenarios repeated")
    print(f"{len(result['requirements'])} requirements, {len(flips)} flip")
    for name, flip in flips.items():
        told = "; ".join(f"{verdict} with {seeds}" for verdict, seeds in flip["seeds"].items())
        print(f"  {name}  {flip['rate']:.1%}  {told}")


if __name__ == "__main__":
    sys.exit(main())
