"""What Schemathesis itself thinks of an answer to one of its requests; a reader may want to know, no judge does."""

from collections.abc import Iterator

import requests
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import ignored_auth, object_level_authorization

from wos_conformance.drive.client import Answer
from wos_conformance.drive.generated import BASE, GeneratedRequest

_SENDING = [ignored_auth, object_level_authorization]
"""Checks that would send requests of their own."""


def response_of(request: GeneratedRequest, answer: Answer) -> Response:
    """A whole answer as Schemathesis sees it."""
    assert answer.status is not None
    headers: dict[str, list[str]] = {}
    for name, value in answer.headers:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    sent = requests.Request(request.method, BASE + request.target, dict(request.headers), data=request.body).prepare()
    return Response(answer.status, headers, answer.body, sent, elapsed=0.0, verify=False)


def remarks(request: GeneratedRequest, response: Response) -> Iterator[tuple[str, str]]:
    """Name and text of each fault that Schemathesis finds."""
    try:
        request.case.validate_response(response, excluded_checks=_SENDING)
    except FailureGroup as group:
        for failure in group.exceptions:
            yield failure.title, failure.message
    except Exception as error:
        yield "Schemathesis stumbled", repr(error)
