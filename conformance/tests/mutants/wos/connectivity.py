"""Sins of a WOS around connectivity."""

from typing import Any

import h11
from starlette.responses import Response

from mutants.catalogue import WOS, Patch
from wos_reference.wos.interface import Interface


@WOS.against("connectivity.wos-http-version", consequences=("connectivity.keeps-connection",))
def speaks_http_1_0(patch: Patch) -> None:
    """Names the version of 1996."""
    send = h11.Connection.send
    patch(h11.Connection, "send", lambda self, event: (send(self, event) or b"").replace(b"HTTP/1.1", b"HTTP/1.0", 1))


@WOS.against("connectivity.keeps-connection")
def hangs_up_after_each_answer(patch: Patch) -> None:
    """Closes the connection after one request."""
    serve = Interface.serve

    async def hang_up(self: Interface, request: Any) -> Response:
        answer = await serve(self, request)
        answer.headers["connection"] = "close"
        return answer

    patch(Interface, "serve", hang_up)
