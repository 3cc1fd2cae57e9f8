"""The door of the operator's listener: a bearer token for programs, the same token as a password for a browser."""

import base64
import binascii
import hmac

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

OPEN_TO_ALL = ("/healthz",)


class TokenAsked:
    """Lets nobody pass without the token."""

    def __init__(self, application: ASGIApp, token: str) -> None:
        self._application = application
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        if request.url.path in OPEN_TO_ALL or hmac.compare_digest(shown_token(request), self._token):
            await self._application(scope, receive, send)
            return
        headers = {"WWW-Authenticate": 'Basic realm="reference WOS"'}
        answer = JSONResponse({"error": "the token is missing or wrong"}, 401, headers)
        await answer(scope, receive, send)


def shown_token(request: Request) -> bytes:
    """The token of a request, empty if there is none."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.encode("latin-1")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials, validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return b""
