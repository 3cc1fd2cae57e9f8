"""What judges know of one agent: from when to when it ran."""

from pathlib import Path

import pytest

from told import begun
from wos_conformance.history import Control, History
from wos_conformance.judges.device import devices


@pytest.mark.parametrize(
    ("moment", "until"),
    [(5.0, 10.0), (10.0, 10.0), (11.0, 10.0), (13.0, 10.0)],
    ids=["long-before-the-stop", "as-it-is-asked-to-stop", "while-it-stops", "after-the-stop"],
)
def test_run_ends_when_the_agent_is_asked_to_stop(moment: float, until: float, tmp_path: Path) -> None:
    """It may answer no more from then on, and what is read later was sent before."""
    (device,) = devices(stopped(tmp_path))
    assert device.runs_until(moment) == until


def stopped(folder: Path) -> History:
    """An agent that was started at second 1 and asked to stop at second 10, which took two seconds."""
    with begun(folder, role="agent") as recorder:
        for verb, started, ended in (("start", 1.0, 2.0), ("stop", 10.0, 12.0)):
            request = {"state": "a", "svidPem": "an agent"} if verb == "start" else {}
            recorder.record(
                Control, verb=verb, request=request, outcome="done", response={}, started=started, ended=ended
            )
        return recorder.history()
