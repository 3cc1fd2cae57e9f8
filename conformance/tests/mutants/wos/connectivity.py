"""Sins of a WOS around connectivity."""

import re
from typing import Any

import h11
from starlette.responses import Response

from mutants.catalogue import WOS, Patch
from wos_reference.wos.connection import AgentConnection
from wos_reference.wos.interface import Interface

_BLANK = b"\r\n\r\n"


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


@WOS.against(
    "connectivity.answers-in-order",
    consequences=(
        "desired-state.accept-range-served",
        "desired-state.bundle-cache",
        "desired-state.bundle-digest",
        "desired-state.bundle-etag",
        "desired-state.bundle-media-type",
        "desired-state.bundle-unknown-404",
    ),
)
def answers_the_last_one_first(patch: Patch) -> None:
    """Begins with the last of the requests that arrive in one piece."""
    read = AgentConnection.data_received

    def backwards(self: AgentConnection, data: bytes) -> None:
        heads = data.split(_BLANK)[:-1]
        are_bare = len(heads) > 1 and all(head.startswith(b"GET ") for head in heads)
        read(self, b"".join(head + _BLANK for head in reversed(heads)) if are_bare else data)

    patch(AgentConnection, "data_received", backwards)


@WOS.against("connectivity.answers-in-order", consequences=("desired-state.accept-range-served",))
def takes_a_refused_body_for_a_request(patch: Patch) -> None:
    """Does not read over the body of a request whose method it does not know."""
    read = AgentConnection.data_received

    def without_length(self: AgentConnection, data: bytes) -> None:
        read(self, re.sub(rb"\r\nContent-Length: \d+", b"", data) if data.startswith(b"PATCH ") else data)

    patch(AgentConnection, "data_received", without_length)
