"""One connection of an agent: whose certificate it shows, how long it lasts, how much it may send before a body."""

import asyncio
import ssl
from typing import Any, cast

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wos_reference.wos.problem import plain_problem
from wos_reference.wos.trust import Trust

HEAD_AT_MOST = 64 << 10
_GRACE_SECONDS = 30
_FAREWELL_SECONDS = 1


class AgentConnection(HttpToolsProtocol):
    """What uvicorn does, and the bounds that it does not set; what cannot be read is answered as errors.md says."""

    lifetime: float
    connections_at_most: int
    trust: Trust | None
    """Whose roots are looked at in handshakes; None behind a proxy."""
    _timers: tuple[asyncio.TimerHandle, ...] = ()
    _reads_head = True
    _head_bytes = 0
    _heads = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; one connection too many, and one that skips the look at certificates, ends at once."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        self._tls: ssl.SSLObject | None = tls
        if len(self.connections) > self.connections_at_most or (tls is not None and tls.session_reused):
            transport.close()
        self._timers = (
            self.loop.call_later(self.lifetime, self.shutdown),
            self.loop.call_later(self.lifetime + _GRACE_SECONDS, transport.abort),
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        for timer in self._timers:
            timer.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End when the request that is being answered has been answered."""
        super().shutdown()
        self._farewell()

    def on_response_complete(self) -> None:
        """Go on, or end."""
        super().on_response_complete()
        self._farewell()

    def _farewell(self) -> None:
        """A peer that does not close its side of TLS is not waited for."""
        if self.transport.is_closing():
            self._timers += (self.loop.call_later(_FAREWELL_SECONDS, self.transport.abort),)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head of the request does not end."""
        if self._reads_head and self._head_bytes == 0 and self._is_outdated():
            self.transport.close()
        if self.transport.is_closing():
            return
        began = self._heads
        super().data_received(data)
        if self._heads == began and self._reads_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_AT_MOST and not self.transport.is_closing():
                self._refuse(plain_problem(431, {"Connection": "close"}))

    def _is_outdated(self) -> bool:
        """Whether other roots are in force than those of the handshake."""
        return self._tls is not None and self.trust is not None and not self.trust.is_current(self._tls.context)

    def on_message_begin(self) -> None:
        """Put the certificate into the scope of each request."""
        super().on_message_begin()
        if self._tls is not None:
            extensions = cast(dict[str, Any], self.scope.setdefault("extensions", {}))
            extensions["tls"] = {"client_cert": self._tls.getpeercert(True)}

    def on_headers_complete(self) -> None:
        """The head has ended."""
        self._reads_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next head begins."""
        self._reads_head, self._head_bytes, self._heads = True, 0, self._heads + 1
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._refuse(plain_problem(400, {"Connection": "close"}))

    def _refuse(self, answer: Response) -> None:
        head = b"".join(b"%s: %s\r\n" % header for header in answer.raw_headers)
        status = b"%d Refused" % answer.status_code
        self.transport.write(b"HTTP/1.1 " + status + b"\r\n" + head + b"\r\n" + bytes(answer.body))
        self.transport.close()
