"""Problem documents (errors.md): how the WOS says no."""

import json
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

BASE = "https://docs.margo.org/specification/problem-types#"
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1

_TITLES = {
    "invalid-request": (400, "Invalid Request"),
    "not-authorized": (403, "Not Authorized"),
    "gateway-not-found": (404, "Gateway Not Found"),
    "device-not-found": (404, "Device Not Found"),
    "deployment-not-found": (404, "Deployment Not Found"),
    "invalid-bundle": (404, "Invalid Bundle"),
    "server-cannot-generate-response": (406, "Server Cannot Generate Response"),
    "semantic-error": (422, "Semantic Error"),
}


class Refusal(Exception):
    """A request that is not served; it carries the answer."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


def problem(name: str, detail: str = "", errors: list[dict[str, str]] | None = None) -> Response:
    """A problem of a registered type."""
    status, title = _TITLES[name]
    members: dict[str, Any] = {"type": BASE + name, "title": title, "status": status}
    if detail:
        members["detail"] = detail
    if errors:
        members["errors"] = errors
    return _answer(members | permanent())


def plain_problem(status: int, headers: dict[str, str] | None = None, detail: str = "") -> Response:
    """A problem without a type of its own; its title is the phrase of the status."""
    members: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        members["detail"] = detail
    return _answer(members | permanent(), headers)


def transient_problem(status: int) -> Response:
    """A problem that will pass: 429, 500 or 503."""
    members = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    return _answer(members | transient(), retry_headers())


def permanent() -> dict[str, Any]:
    """The retry members of a problem that asking again does not solve."""
    return {"retryable": False, "backoffStrategy": "none"}


def transient() -> dict[str, Any]:
    """The retry members of a problem that will pass."""
    return {"retryable": True, "retryAfterSeconds": RETRY_AFTER_SECONDS, "backoffStrategy": "exponential"}


def retry_headers() -> dict[str, str]:
    """The headers of a problem that will pass."""
    return {"Retry-After": str(RETRY_AFTER_SECONDS)}


def _answer(members: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    content = json.dumps(members, separators=(",", ":")).encode()
    return Response(content, members["status"], headers, MEDIA_TYPE)
