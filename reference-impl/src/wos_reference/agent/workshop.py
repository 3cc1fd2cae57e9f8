"""Where the runtime works: beside the loop of the agent, so that polls and reports go on during a long installation.

A piece of work is a generator which yields what the runtime shall do next and is sent what came of it; the generator
itself always runs in the thread of the loop, and only what it yields runs elsewhere. Pieces do not wait for each other.
"""

import time
from collections.abc import Callable, Generator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

Job = Callable[[], Any]
Work = Generator[Job, Any, None]
WORKERS = 4


def carry_out(job: Job) -> tuple[Any, Exception | None]:
    """Do `job`; its result, or what went wrong."""
    try:
        return job(), None
    except Exception as error:  # noqa: BLE001 - it is raised again in the thread of the loop
        return None, error


class Workshop:
    """Named pieces of work, each at most once at a time, in threads that do not keep the process from ending."""

    def __init__(self, wake: Callable[[], None], workers: int = WORKERS) -> None:
        """`wake` is called from another thread whenever `advance` has something to do."""
        self._wake = wake
        self._works: dict[str, Work] = {}
        self._jobs: SimpleQueue[tuple[str, Job]] = SimpleQueue()
        self._outcomes: SimpleQueue[tuple[str, Any, Exception | None]] = SimpleQueue()
        for _ in range(workers):
            Thread(target=self._serve, daemon=True).start()

    def is_busy(self, name: str) -> bool:
        """Whether the piece of work with this name has not ended yet."""
        return name in self._works

    def begin(self, name: str, work: Work) -> None:
        """Start a piece of work; none of this name is under way."""
        self._works[name] = work
        self._go_on(name, None, None)

    def advance(self, patience: float = 0.0) -> None:
        """Go on as far as is possible within `patience` s."""
        deadline = time.monotonic() + patience
        while self._works:
            try:
                self._go_on(*self._outcomes.get(timeout=max(0.0, deadline - time.monotonic())))
            except Empty:
                return

    def _go_on(self, name: str, result: Any, error: Exception | None) -> None:
        work = self._works[name]
        try:
            self._jobs.put((name, work.throw(error) if error else work.send(result)))
        except StopIteration:
            del self._works[name]

    def _serve(self) -> None:
        while True:
            name, job = self._jobs.get()
            self._outcomes.put((name, *carry_out(job)))
            self._wake()
