"""Sins of a WOS around connectivity."""

from uvicorn.protocols.http import httptools_impl

from mutants.catalogue import WOS, Patch


@WOS.against("connectivity.wos-http-version")
def speaks_http_1_0(patch: Patch) -> None:
    """Names the version of 1996."""
    lines = {code: line.replace(b"HTTP/1.1", b"HTTP/1.0") for code, line in httptools_impl.STATUS_LINE.items()}
    patch(httptools_impl, "STATUS_LINE", lines)
