"""A run: a child process drives the target and writes the history; what is concluded comes from the history alone."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from wos_conformance.report import report
from wos_conformance.suite.settings import Settings

HARNESS_LOG = "harness.log"
PAGE = "scenarios.html"
_PLUGINS = ("pytest_metadata.plugin", "pytest_html.plugin", "_hypothesis_pytestplugin", "wos_conformance.suite.plugin")


def execute(settings: Settings) -> report.Report:
    """Drive the target and conclude.

    Raises:
        HistoryDamaged: the child process left no history that can be read.
    """
    folder = Path(settings.folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / HARNESS_LOG).open("wb") as log:
        subprocess.run(_command(settings), stdout=log, env=_environment(settings), check=False)
    return report.write(folder)


def _command(settings: Settings) -> list[str]:
    suite = _suite_folder()
    return [
        *(sys.executable, "-m", "pytest", "-c", str(suite / "pytest.ini"), "--rootdir", str(suite)),
        *(part for plugin in _PLUGINS for part in ("-p", plugin)),
        *(f"--hypothesis-seed={settings.seed}", f"--html={Path(settings.folder) / PAGE}", "--self-contained-html"),
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
