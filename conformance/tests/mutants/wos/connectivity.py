"""Sins of a WOS around connectivity."""

from typing import Any

from starlette.responses import Response
from uvicorn.protocols.http import httptools_impl

from mutants.catalogue import WOS, Patch
from wos_reference.wos.interface import Interface


@WOS.against("connectivity.wos-http-version", consequences=("connectivity.keeps-connection",))
def speaks_http_1_0(patch: Patch) -> None:
    """Names the version of 1996."""
    lines = {code: line.replace(b"HTTP/1.1", b"HTTP/1.0") for code, line in httptools_impl.STATUS_LINE.items()}
    patch(httptools_impl, "STATUS_LINE", lines)


@WOS.against("connectivity.keeps-connection")
def hangs_up_after_each_answer(patch: Patch) -> None:
    """Closes the connection after one request."""
    serve = Interface.serve

    async def hang_up(self: Interface, request: Any) -> Response:
        answer = await serve(self, request)
        answer.headers["connection"] = "close"
        return answer

    patch(Interface, "serve", hang_up)
