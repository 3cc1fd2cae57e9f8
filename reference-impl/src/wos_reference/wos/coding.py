"""Content codings: the same body in gzip for whoever takes it; digest and tag belong to the body without coding."""

import gzip

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header


def coded(content: bytes, accept_encoding: list[str]) -> tuple[bytes, dict[str, str]]:
    """The body as it is sent, and the headers that say how it is coded."""
    if takes_gzip(accept_encoding):
        return gzip.compress(content, mtime=0), {"Content-Encoding": "gzip"}
    return content, {}


def takes_gzip(accept_encoding: list[str]) -> bool:
    """Whether the caller takes gzip, and not less gladly than no coding (RFC 9110, 12.5.3)."""
    accepted = parse_accept_header(", ".join(accept_encoding), Accept)
    named = {coding.lower(): quality for coding, quality in accepted}
    offered = named.get("gzip", named.get("*", 0))
    return offered > 0 and offered >= named.get("identity", 0)
