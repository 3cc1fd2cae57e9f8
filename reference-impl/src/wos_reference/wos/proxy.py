"""Behind a proxy that ends TLS: it verifies chains, and passes the leaf on in `Client-Cert` (RFC 9440).

Whoever can set that header can be anybody, so that it counts only on connections from the one address of the proxy.
"""

import base64
import binascii
import re

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from wos_reference.wos.problem import plain_problem, problem

_BYTE_SEQUENCE = re.compile(r":([A-Za-z0-9+/]*={0,2}):")


class BehindProxy:
    """Takes the certificate of the caller from the header, and nothing else from headers."""

    def __init__(self, application: ASGIApp, address: str) -> None:
        self._application = application
        self._address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        request = Request(scope, receive)
        if request.client is None or request.client.host != self._address:
            await problem("not-authorized", "requests come through the proxy")(scope, receive, send)
            return
        try:
            certificate = passed_certificate(request.headers.getlist("client-cert"))
        except ValueError as error:
            await plain_problem(401, detail=str(error))(scope, receive, send)
            return
        scope.setdefault("extensions", {})["tls"] = {"client_cert": certificate}
        await self._application(scope, receive, send)


def passed_certificate(lines: list[str]) -> bytes:
    """The leaf that the proxy has seen, as DER.

    Raises:
        ValueError: there is none, more than one, or it is no structured byte sequence (RFC 8941, 3.3.5).
    """
    found = _BYTE_SEQUENCE.fullmatch(lines[0].strip()) if len(lines) == 1 else None
    if found is None:
        raise ValueError("the proxy passes exactly one certificate in Client-Cert")
    try:
        return base64.b64decode(found[1], validate=True)
    except binascii.Error as error:
        raise ValueError("Client-Cert is not base64") from error
