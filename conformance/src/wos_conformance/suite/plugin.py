"""The pytest plugin of a run: marks scenarios in the history, judges each slice when it ends, shows progress.

It is the one place of the suite that knows both driving and judging; a scenario knows only how to drive.
"""

from collections.abc import Iterator

import pytest
from _pytest.runner import runtestprotocol

from wos_conformance.report import page
from wos_conformance.suite.conductor import Conductor
from wos_conformance.suite.settings import Settings

CONDUCTOR = pytest.StashKey[Conductor]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin the history of the run."""
    conductor = Conductor(Settings.of_this_process())
    config.stash[CONDUCTOR] = conductor
    config.pluginmanager.register(page, "wos-conformance-page")
    page.show_facts(config, conductor.recorder.history().header)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the history; without its footer a run counts as cut."""
    if conductor := config.stash.get(CONDUCTOR, None):
        conductor.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Vital signs first; leave out what this run cannot or shall not reach (the report says so)."""
    conductor = config.stash[CONDUCTOR]
    chosen = [i for i in items if conductor.plays(_requirements(i), _verbs(i), vital=_is_vital(i))]
    chosen.sort(key=_is_vital, reverse=True)
    if left_out := [item for item in items if item not in chosen]:
        config.hook.pytest_deselected(items=left_out)
    items[:] = chosen
    conductor.expect(len(chosen))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Play each scenario between its marks, and once more if a connection that broke has stopped it."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    conductor = item.config.stash[CONDUCTOR]
    reports = _played(item, nextitem, may_repeat=True)
    if conductor.run.repeats:
        item._initrequest()  # type: ignore[attr-defined] # fixtures are made anew
        reports = _played(item, nextitem, may_repeat=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _played(item: pytest.Item, nextitem: pytest.Item | None, *, may_repeat: bool) -> list[pytest.TestReport]:
    conductor = item.config.stash[CONDUCTOR]
    conductor.begin(_name(item), _title(item), _requirements(item))
    try:
        return runtestprotocol(item, log=False, nextitem=nextitem)
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
        report.result = result  # type: ignore[attr-defined]
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
