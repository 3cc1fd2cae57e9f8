"""One connection of an agent: whose certificate it shows, how long it lasts, how much it may send before a body."""

import asyncio
import re
import ssl
import sys
from functools import cached_property
from typing import Any

import h11
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from wos_reference.wos.problem import plain_problem, problem
from wos_reference.wos.trust import Trust

HEAD_AT_MOST = 64 << 10
_GRACE_SECONDS = 30
_FAREWELL_SECONDS = 1
_AUTHORITY = re.compile(rb"\A[A-Za-z][A-Za-z0-9+.-]*://[^/]*")


class AgentConnection(H11Protocol):
    """What uvicorn does, and the bounds that it does not set; what cannot be read is answered as errors.md says.

    It reads HTTP with h11, which lets every method pass that is a token, so that an unknown one is answered with 405.
    """

    lifetime: float
    connections_at_most: int
    trust: Trust | None
    """Whose roots are looked at in handshakes; None behind a proxy."""
    _timers: tuple[asyncio.TimerHandle, ...] = ()
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; one connection too many, and one that skips the look at certificates, ends at once."""
        super().connection_made(transport)
        self._tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        self._application, self.app = self.app, self._serve
        if len(self.connections) > self.connections_at_most or (self._tls and self._tls.session_reused):
            transport.close()
        self._timers = (
            self.loop.call_later(self.lifetime, self.shutdown),
            self.loop.call_later(self.lifetime + _GRACE_SECONDS, transport.abort),
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """End, and hold on to nothing, so that what TLS takes is free at once and not when Python looks for circles."""
        for timer in self._timers:
            timer.cancel()
        super().connection_lost(exc)
        self._timers, self.app = (), self._application

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
        """Read on, unless this begins a request under roots that are in force no longer."""
        if self.conn.their_state is h11.IDLE and self.is_outdated():
            self.transport.close()
        if not self._refused and not self.transport.is_closing():
            super().data_received(data)

    def is_outdated(self) -> bool:
        """Whether other roots are in force than those of the handshake."""
        return self._tls is not None and self.trust is not None and not self.trust.is_current(self._tls.context)

    @cached_property
    def _certificate(self) -> bytes | None:
        """The leaf that the peer has shown, as DER; it stays the same for as long as the connection."""
        return self._tls.getpeercert(True) if self._tls else None

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the certificate into the scope of each request; the authority of a target names only this listener."""
        scope["raw_path"] = _AUTHORITY.sub(b"", scope["raw_path"], count=1)
        if self._tls is not None:
            scope["extensions"] = {"tls": {"client_cert": self._certificate}}
        await self._application(scope, receive, send)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, or a head that does not end.

        What still comes is passed over for a moment, since an end with unread bytes would take the answer away.
        """
        too_long = getattr(sys.exc_info()[1], "error_status_hint", 400) == 431
        answer = plain_problem(431) if too_long else problem("invalid-request", "this is not HTTP/1.1")
        headers: list[Any] = [*answer.raw_headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=answer.status_code, headers=headers),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self._refused = True
        self._timers += (self.loop.call_later(_FAREWELL_SECONDS, self.transport.abort),)
