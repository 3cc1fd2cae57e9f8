"""A run: child processes drive the target and write the history; what is concluded comes from the history alone."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from uuid import uuid4

import msgspec

from wos_conformance.report import report
from wos_conformance.suite.settings import Settings
from wos_conformance.suite.turn import Share, Turns

HARNESS_LOG = "harness.log"
PAGE = "scenarios.html"
_PLUGINS = ("pytest_metadata.plugin", "pytest_html.plugin", "_hypothesis_pytestplugin", "wos_conformance.suite.plugin")


def execute(settings: Settings) -> report.Report:
    """Drive the target and conclude.

    Raises:
        HistoryDamaged: the child processes left no history that can be read.
    """
    folder = Path(settings.folder)
    folder.mkdir(parents=True, exist_ok=True)
    settings = msgspec.structs.replace(settings, run=str(uuid4()))
    with (folder / HARNESS_LOG).open("wb") as log, tempfile.TemporaryDirectory() as place:
        shares = [Share(number, settings.workers, place, time.monotonic()) for number in range(settings.workers)]
        with _started([msgspec.structs.replace(settings, share=share) for share in shares], log) as (first, *others):
            for other in others:
                other.wait()
            Turns(shares[0]).others_have_ended()
            first.wait()
    return report.write(folder)


@contextmanager
def _started(workers: list[Settings], log: IO[bytes]) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """One process for each; none of them outlives its run."""
    processes = [subprocess.Popen(_command(worker), stdout=log, env=_environment(worker)) for worker in workers]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _command(settings: Settings) -> list[str]:
    suite = _suite_folder()
    writes_page = settings.share is None or settings.share.worker == 0
    page = [f"--html={Path(settings.folder) / PAGE}", "--self-contained-html"] if writes_page else []
    return [
        *(sys.executable, "-m", "pytest", "-c", str(suite / "pytest.ini"), "--rootdir", str(suite)),
        *(part for plugin in _PLUGINS for part in ("-p", plugin)),
        *(f"--hypothesis-seed={settings.seed}", *page),
        str(suite / settings.role),
    ]


def _environment(settings: Settings) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**inherited, **settings.environment(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def _suite_folder() -> Path:
    found = find_spec("wos_conformance.suite")
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(next(iter(found.submodule_search_locations)))
