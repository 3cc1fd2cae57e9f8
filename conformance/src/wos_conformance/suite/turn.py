"""Who plays what when several workers drive at once: each scenario is played by whoever is the first to take it.

A scenario that touches the whole WOS, such as one that restarts it, is played by worker 0 when all others have ended.
"""

import json
import threading
from pathlib import Path
from typing import Any

import msgspec

_PAUSE = 0.05
_ENDED = "others-have-ended"
ALONE = frozenset({"restart", "rotate_trust"})
"""Verbs that everybody notices who visits the WOS at the same time."""


class Share(msgspec.Struct, frozen=True):
    """The place of one worker among all; `folder` is where they agree, `began` when the run did (monotonic clock)."""

    worker: int
    workers: int
    folder: str
    began: float


class Turns:
    """What the workers of a run know of each other."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._folder = Path(share.folder)
        self._waiting = threading.Event()

    @property
    def is_first(self) -> bool:
        """Whether this is worker 0."""
        return self._share.worker == 0

    def takes(self, number: int, *, alone: bool) -> bool:
        """Whether this worker is the one to play the scenario of this number; waits for the others if it must."""
        if alone and not self.is_first:
            return False
        if alone:
            self.await_others()
        try:
            (self._folder / str(number)).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    @property
    def taken(self) -> int:
        """How many scenarios have been taken by now."""
        return sum(path.name.isdigit() for path in self._folder.iterdir())

    def others_have_ended(self) -> None:
        """Tell worker 0 that it is alone; the process that started all workers knows."""
        (self._folder / _ENDED).touch()

    def await_others(self) -> None:
        """Wait until all others have ended; whoever started them watches over them."""
        while self._share.workers > 1 and not (self._folder / _ENDED).exists():
            self._waiting.wait(_PAUSE)

    def leave(self, reports: list[dict[str, Any]]) -> None:
        """Leave the reports of this worker for worker 0, which writes the page."""
        self._left_by(self._share.worker).write_text(json.dumps(reports), "utf-8")

    def left(self) -> list[dict[str, Any]]:
        """The reports that the others have left."""
        paths = (self._left_by(worker) for worker in range(1, self._share.workers))
        return [report for path in paths if path.exists() for report in json.loads(path.read_bytes())]

    def _left_by(self, worker: int) -> Path:
        return self._folder / f"reports-of-{worker}"
