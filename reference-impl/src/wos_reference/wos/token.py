"""The door of the operator's listener: a bearer token for programs, the same token as a password for a browser."""

import hmac

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from werkzeug.datastructures import Authorization

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
    shown = Authorization.from_header(request.headers.get("authorization"))
    if shown is None:
        return b""
    return (shown.token or shown.parameters.get("password") or "").encode()
