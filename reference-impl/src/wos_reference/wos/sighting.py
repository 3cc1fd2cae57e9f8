"""When clients asked last: noted at once, written down together a moment later, so that a poll costs no commit."""

import asyncio
import logging
import time

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from wos_reference.wos.fleet import Fleet

_WRITTEN_AFTER_SECONDS = 1.0

logger = logging.getLogger(__name__)


class Sightings:
    """Those that are not written down yet; they say how fresh a client is and nothing else, so they may get lost."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._seen: dict[str, int] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, spiffe_id: str) -> None:
        """A client has just asked for its manifest."""
        if not self._seen:
            self._writing = asyncio.create_task(self._write_down())
        self._seen[spiffe_id] = int(time.time())

    async def _write_down(self) -> None:
        await asyncio.sleep(_WRITTEN_AFTER_SECONDS)
        seen, self._seen = self._seen, {}
        try:
            await run_in_threadpool(self._fleet.saw, seen)
        except SQLAlchemyError as error:
            logger.error("who has asked could not be written down: %s", error)
