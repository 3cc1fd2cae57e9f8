"""Each request of an agent leaves one figure, and one line in the log.

A poll that changes nothing is told at level `debug` only: it is what a WOS answers most, and says nothing new.
"""

import logging
import time
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wos_reference.wos.metric import Metrics

logger = logging.getLogger(__name__)


class Observed:
    """Stands in front of the interface and changes nothing."""

    def __init__(self, application: ASGIApp, metrics: Metrics) -> None:
        self._application = application
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        began, status = time.perf_counter(), 0

        async def look(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await self._application(scope, receive, look)
        seconds = time.perf_counter() - began
        self._metrics.count(scope.get("operation", "none"), status, seconds)
        level = logging.DEBUG if status == HTTPStatus.NOT_MODIFIED else logging.INFO
        if logger.isEnabledFor(level):
            logger.log(level, "answered", extra={"facts": _facts(scope, status, seconds)})


def _facts(scope: Scope, status: int, seconds: float) -> dict[str, Any]:
    return {
        "method": scope["method"],
        "path": scope["raw_path"].decode("latin-1"),
        "status": status,
        "client": scope.get("client_id"),
        "milliseconds": round(seconds * 1000, 1),
    }
