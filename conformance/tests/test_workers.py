"""Several workers drive at once: each scenario is played once, and the parts of the history belong together."""

import json
from pathlib import Path

import pytest

from mutated import RUN, TIMES, judged_at
from reference import running_agent, running_wos
from told import begun, exchanged
from wos_conformance.history import Exchange, Header, History, HistoryCut, HistoryDamaged, Recorder, last_line
from wos_conformance.suite.turn import Share, Turns
from wos_conformance.suite.wos import test_machine as machine

FIRST, OTHER = "history.ndjson", "history-1.ndjson"
GET = "GET /api/v1/deployments HTTP/1.1"


def part(folder: Path, worker: int, run: str = "x") -> Recorder:
    """What one worker has written: a header and one exchange."""
    recorder = begun(folder, worker, run=run)
    exchanged(recorder, GET, "HTTP/1.1 200 OK", str(worker).encode())
    return recorder


def cut(folder: Path, worker: int, run: str = "x") -> None:
    """What a worker has left that was ended before its end."""
    part(folder, worker, run).close(complete=True, scenarios=1, errors=[])
    path = folder / (OTHER if worker else FIRST)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def written(folder: Path) -> Path:
    """A run of two workers."""
    first, other = part(folder, 0), part(folder, 1)
    other.close(complete=True, scenarios=1, errors=[])
    first.close(complete=True, scenarios=1, errors=[], others=[last_line(folder, 1)[1]])
    return folder


def test_parts_are_read_as_one_history(tmp_path: Path) -> None:
    """Each event has a number of its own, and each worker is looked at alone."""
    history = History.read(written(tmp_path))
    assert [event.seq for event in history.events] == [0, 1, 2, 1_000_000, 1_000_001, 1_000_002]
    assert [len(list(each.exchanges())) for each in history.parts] == [1, 1]
    assert all(isinstance(history.event(seq), Exchange) for seq in (1, 1_000_001))
    assert history.header.run == "x"


def test_history_of_one_worker_is_its_own_only_part(tmp_path: Path) -> None:
    """As every slice of it is."""
    recorder = part(tmp_path, 0)
    assert len(recorder.history().parts) == len(recorder.history().slice(1).parts) == 1
    recorder.close(complete=True, scenarios=1, errors=[])


def test_changed_part_is_found(tmp_path: Path) -> None:
    """Also when its own chain is whole."""
    lines = (written(tmp_path) / OTHER).read_bytes().splitlines(keepends=True)
    (tmp_path / OTHER).write_bytes(b"".join(lines[:-1]))
    with pytest.raises(HistoryDamaged, match=rf"{OTHER} does not end as {FIRST} says"):
        History.read(tmp_path)


def test_missing_part_is_found(tmp_path: Path) -> None:
    """The footer of the first worker names it."""
    (written(tmp_path) / OTHER).unlink()
    with pytest.raises(HistoryDamaged, match=f"{OTHER} cannot be read"):
        History.read(tmp_path)


def test_surplus_part_is_found(tmp_path: Path) -> None:
    """Nobody names it."""
    part(written(tmp_path), 2).close(complete=True, scenarios=1, errors=[])
    with pytest.raises(HistoryDamaged, match="does not name 1 of the files"):
        History.read(tmp_path)


def test_part_of_another_run_is_found(tmp_path: Path) -> None:
    """When the first worker could not name the others any more."""
    cut(tmp_path, 0)
    cut(tmp_path, 1, run="another")
    with pytest.raises(HistoryDamaged, match=f"{OTHER} line 1: expected the run of {FIRST}"):
        History.read(tmp_path, allow_cut=True)


def test_run_whose_worker_was_cut_is_cut(tmp_path: Path) -> None:
    """What the others have seen can be read."""
    cut(tmp_path, 0)
    cut(tmp_path, 1)
    with pytest.raises(HistoryCut, match=OTHER):
        last_line(tmp_path, 1)
    assert sum(isinstance(event, Header) for event in History.read(tmp_path, allow_cut=True).events) == 2
    with pytest.raises(HistoryCut):
        History.read(tmp_path)


def test_each_scenario_is_taken_once(tmp_path: Path) -> None:
    """By whoever asks first; what must be alone is for worker 0, after the others."""
    first, other = (Turns(Share(worker, 2, str(tmp_path), 0.0)) for worker in (0, 1))
    assert first.takes(0, alone=False)
    assert not other.takes(0, alone=False)
    assert other.takes(1, alone=False)
    assert not other.takes(2, alone=True)
    other.leave([{"when": "call"}])
    other.others_have_ended()
    assert first.takes(2, alone=True)
    assert first.taken == 3
    assert first.left() == [{"when": "call"}]


def test_whoever_restarts_the_wos_is_alone() -> None:
    """Programs included."""
    marks = {
        name: {word for mark in getattr(function, "pytestmark", []) if mark.name == "needs" for word in mark.args}
        for name, function in vars(machine).items()
        if name.startswith("test_")
    }
    assert {name for name, verbs in marks.items() if "restart" in verbs} == {"test_fleet_lives_through_restarts"}


def test_verdict_does_not_depend_on_order_or_company(tmp_path: Path, credentials: Path) -> None:
    """The same WOS is judged twice with the same seed: in order and alone, then in disorder by two workers."""
    ways = {"alone": ("--workers", "1"), "together": ("--workers", "2", "--shuffle", "3")}
    with running_wos(tmp_path / "wos", credentials) as address:
        for name, options in ways.items():
            (tmp_path / name).mkdir()
            judged_at(address, "wos", credentials, tmp_path / name, *options, deadline=240)
    reports = [json.loads((tmp_path / name / RUN / "report.json").read_bytes()) for name in ways]
    verdicts = [{row["id"]: row["state"] for row in report["requirements"]} for report in reports]
    assert verdicts[0] == verdicts[1]
    assert "failed" not in verdicts[0].values()
    played = [sorted(scenario["name"] for scenario in report["scenarios"]) for report in reports]
    assert played[0] == played[1]
    assert [report["conclusion"]["exit_code"] for report in reports] == [0, 0]


def test_two_devices_share_the_scenarios(tmp_path: Path, credentials: Path) -> None:
    """Each faces scenarios of its own, and the verdict is about the product."""
    rules = ("desired-state.coding-undone", "deployment.parameters-applied")
    only = [word for rule in rules for word in ("--only", rule)]
    with running_agent(tmp_path / "one") as one, running_agent(tmp_path / "two", token_file=one.token_file) as two:
        further = ("--further-control", two.control_url)
        done = judged_at(one, "agent", credentials, tmp_path, *TIMES, *further, *only, deadline=240)
    report = json.loads((tmp_path / RUN / "report.json").read_bytes())
    assert {row["state"] for row in report["requirements"] if row["id"] in rules} == {"passed"}, done.told
    history = History.read(tmp_path / RUN)
    dialled = [{event.client for event in part.of(Exchange) if event.client} for part in history.parts]
    assert len(dialled) == 2
    assert all(dialled)
    assert not dialled[0] & dialled[1]
