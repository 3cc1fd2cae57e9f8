"""Traffic that is generated from the OpenAPI document; it is recorded and judged like all other."""

import pytest
from hypothesis import given

from wos_conformance.drive.generated import GeneratedRequest, boundaries, operations, requests
from wos_conformance.specification import Specification
from wos_conformance.suite.wos.stage import Stage

DOCUMENT = Specification.load().folder / "openapi" / "wos.yaml"
OPERATIONS = dict(requests(DOCUMENT))
RULES_OF_ERRORS = (
    "errors.problem-media-type",
    "errors.problem-valid",
    "errors.type-registered",
    "errors.permanent-not-retryable",
    "errors.no-server-error",
)


@pytest.mark.gives(*RULES_OF_ERRORS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation_is_called_with_generated_requests(wos: Stage, operation: str) -> None:
    """Valid requests and requests with one thing wrong, as Schemathesis makes them; each device is withdrawn again."""
    client = wos.client(announce=False)

    @wos.generated
    @given(OPERATIONS[operation])
    def call(request: GeneratedRequest) -> None:
        client.visitor.request(*request)
        if request.method == "PUT":
            client.send("DELETE", request.target, b"")

    call()
    wos.need(client.poll(), 200)


@pytest.mark.gives(*RULES_OF_ERRORS)
@pytest.mark.parametrize("operation", operations(DOCUMENT))
def test_operation_is_called_at_its_limits(wos: Stage, operation: str) -> None:
    """Each limit of a schema is tried once from both sides, with methods and headers that are not described, too."""
    client = wos.client(announce=False)
    for request in boundaries(DOCUMENT, operation):
        client.visitor.request(*request)
        if request.method == "PUT":
            client.send("DELETE", request.target, b"")
    wos.need(client.poll(), 200)
