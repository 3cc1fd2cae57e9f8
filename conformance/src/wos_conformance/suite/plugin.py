"""The pytest plugin of a run: marks scenarios in the history, judges each slice when it ends, shows progress.

It is the one place of the suite that knows both driving and judging; a scenario knows only how to drive.
"""

from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from hypothesis.internal.conjecture import engine

from wos_conformance.history import HistoryCut
from wos_conformance.report import page
from wos_conformance.suite.conductor import Conductor
from wos_conformance.suite.settings import Settings
from wos_conformance.suite.turn import ALONE

CONDUCTOR = pytest.StashKey[Conductor]()
NUMBERS = pytest.StashKey[dict[pytest.Item, int]]()
REPORTS = pytest.StashKey[list[dict[str, Any]]]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin the history of the run."""
    conductor = Conductor(Settings.of_this_process())
    config.stash[CONDUCTOR] = conductor
    config.stash[REPORTS] = []
    engine.MAX_SHRINKING_SECONDS = int(conductor.settings.amounts.shrinking)
    config.pluginmanager.register(page, "wos-conformance-page")
    page.show_facts(config, conductor.recorder.history().header)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the history; without its footer a run counts as cut, and so does one of whose workers one has left none."""
    if conductor := config.stash.get(CONDUCTOR, None):
        with suppress(HistoryCut):
            conductor.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Vital signs first, and last what nobody else may notice; leave out what this run cannot or shall not reach.

    The report says what was left out.
    """
    conductor = config.stash[CONDUCTOR]
    chosen = [i for i in items if conductor.plays(_requirements(i), _verbs(i), vital=_is_vital(i))]
    if conductor.settings.shuffle is not None:
        Random(conductor.settings.shuffle).shuffle(chosen)
    chosen.sort(key=lambda item: (not _is_vital(item), not ALONE.isdisjoint(_verbs(item))))
    if left_out := [item for item in items if item not in chosen]:
        config.hook.pytest_deselected(items=left_out)
    items[:] = chosen
    conductor.expect(len(chosen))
    config.stash[NUMBERS] = {item: number for number, item in enumerate(chosen)}


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """Worker 0 waits for the others at last, and shows on its page what they have played."""
    played = yield
    turns = session.config.stash[CONDUCTOR].turns
    if turns is not None and turns.is_first:
        turns.await_others()
        hook = session.config.hook
        for data in turns.left():
            hook.pytest_runtest_logreport(report=hook.pytest_report_from_serializable(config=session.config, data=data))
    elif turns is not None:
        turns.leave(session.config.stash[REPORTS])
    return played


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Play each scenario between its marks, and once more if a connection that broke has stopped it.

    Another worker may have taken the next one, so that all is taken down after each.
    """
    conductor = item.config.stash[CONDUCTOR]
    if not conductor.takes(item.config.stash[NUMBERS][item], _verbs(item)):
        return True
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = _played(item, may_repeat=True)
    if conductor.run.repeats:
        item._initrequest()  # type: ignore[attr-defined] # fixtures are made anew
        reports = _played(item, may_repeat=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
        item.config.stash[REPORTS].append(
            item.config.hook.pytest_report_to_serializable(config=item.config, report=report)
        )
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _played(item: pytest.Item, *, may_repeat: bool) -> list[pytest.TestReport]:
    conductor = item.config.stash[CONDUCTOR]
    conductor.begin(_name(item), _title(item), _requirements(item))
    try:
        return runtestprotocol(item, log=False, nextitem=None)
    finally:
        conductor.end(may_repeat=may_repeat)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Say what the slice of a scenario shows, in place of what pytest makes of its exception."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    conductor = item.config.stash[CONDUCTOR]
    error = call.excinfo.value if call.excinfo else None
    if call.when == "call" or error is not None:
        result = conductor.conclude(error)
        report.outcome = "passed" if result.outcome == "played" else "failed"
        report.longrepr = result.text or None
        report.extras = [*getattr(report, "extras", []), *page.extras(result)]  # type: ignore[attr-defined]
        report.situation = result.title  # type: ignore[attr-defined]
        report.rules = len({judgement.requirement for judgement in result.judgements})  # type: ignore[attr-defined]
    return report  # type: ignore[return-value]


def _requirements(item: pytest.Item) -> list[str]:
    return [name for mark in item.iter_markers("gives") for name in mark.args]


def _verbs(item: pytest.Item) -> list[str]:
    return [verb for mark in item.iter_markers("needs") for verb in mark.args]


def _is_vital(item: pytest.Item) -> bool:
    return item.get_closest_marker("vital") is not None


def _name(item: pytest.Item) -> str:
    return f"{item.path.stem.removeprefix('test_').replace('_', '-')}::{item.name.removeprefix('test_')}"


def _title(item: pytest.Item) -> str:
    document = getattr(getattr(item, "function", None), "__doc__", None) or ""
    return document.strip().partition("\n")[0]


@pytest.fixture
def wos(request: pytest.FixtureRequest) -> Iterator[object]:
    """The stage for a scenario that visits a WOS."""
    with request.config.stash[CONDUCTOR].wos_stage(request.node.name) as stage:
        yield stage


@pytest.fixture
def agent(request: pytest.FixtureRequest) -> Iterator[object]:
    """The stage for a scenario that faces an agent."""
    with request.config.stash[CONDUCTOR].agent_stage(request.node.name) as stage:
        yield stage
