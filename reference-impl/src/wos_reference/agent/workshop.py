"""Where the runtime works: beside the loop of the agent, so that polls and reports go on during a long installation.

A piece of work is a generator which yields what the runtime shall do next and is sent what came of it; the generator
itself always runs in the thread of the loop, and only what it yields runs elsewhere.
"""

import logging
from collections.abc import Callable, Generator
from queue import SimpleQueue
from threading import Thread
from typing import Any

from wos_reference.agent.runtime import WorkloadError

log = logging.getLogger(__name__)

Job = Callable[[], Any]
Work = Generator[Job, Any, None]
Outcome = tuple[Any, BaseException | None]


def carry_out(job: Job) -> Outcome:
    """Do `job`; its result, or what went wrong."""
    try:
        return job(), None
    except Exception as error:  # noqa: BLE001 - it is raised again in the thread of the loop
        return None, error


class Workshop:
    """One piece of work at a time, in a thread that does not keep the process from ending."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called from the other thread whenever `advance` has something to do."""
        self._wake = wake
        self._work: Work | None = None
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()
        Thread(target=self._serve, daemon=True).start()

    @property
    def is_busy(self) -> bool:
        """Whether a piece of work has not ended yet."""
        return self._work is not None

    def begin(self, work: Work) -> None:
        """Start a piece of work; there is none under way."""
        self._work = work
        self._go_on((None, None))

    def advance(self) -> None:
        """Go on as far as is possible without waiting."""
        while self.is_busy and not self._outcomes.empty():
            self._go_on(self._outcomes.get())

    def _go_on(self, outcome: Outcome) -> None:
        assert self._work is not None
        result, error = outcome
        try:
            self._jobs.put(self._work.throw(error) if error else self._work.send(result))
        except StopIteration:
            self._work = None
        except WorkloadError as failure:
            log.error("the runtime failed: %s", failure)
            self._work = None

    def _serve(self) -> None:
        while True:
            self._outcomes.put(carry_out(self._jobs.get()))
            self._wake()
