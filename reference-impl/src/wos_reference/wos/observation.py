"""Each request of an agent leaves one line in the log and one figure."""

import logging
import time

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
        facts = {
            "method": scope["method"],
            "path": scope["raw_path"].decode("latin-1"),
            "status": status,
            "client": scope.get("client_id"),
            "milliseconds": round(seconds * 1000, 1),
        }
        logger.info("answered", extra={"facts": facts})
