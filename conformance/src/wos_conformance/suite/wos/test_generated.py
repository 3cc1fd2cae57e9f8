"""Traffic that is generated from the OpenAPI document; it is recorded and judged like all other."""

import pytest
from hypothesis import given

from wos_conformance.drive.generated import GeneratedRequest, boundaries, operations, requests
from wos_conformance.suite.wos.stage import Stage
from wos_conformance.suite.wos.traffic import DOCUMENT, Traffic, Walk

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
    traffic = Traffic(wos, wos.client(announce=False))

    @wos.generated
    @given(OPERATIONS[operation])
    def call(request: GeneratedRequest) -> None:
        traffic.send_alone(request)

    call()
    wos.need(traffic.client.poll(), 200)


@pytest.mark.gives(*RULES_OF_ERRORS)
@pytest.mark.parametrize("operation", operations(DOCUMENT))
def test_operation_is_called_at_its_limits(wos: Stage, operation: str) -> None:
    """Each limit of a schema is tried once from both sides, with methods and headers that are not described, too."""
    traffic = Traffic(wos, wos.client(announce=False))
    for request in boundaries(DOCUMENT, operation):
        traffic.send_alone(request)
    wos.need(traffic.client.poll(), 200)


@pytest.mark.gives(
    "capabilities.repeat-200", "capabilities.delete-204", "desired-state.not-modified", "errors.no-server-error"
)
def test_links_are_followed(wos: Stage) -> None:
    """Requests of one client, each made of an earlier answer where the OpenAPI document links the two."""
    Walk.traffic, Walk.assigned = Traffic(wos, wos.client(announce=False)), 0
    wos.play(Walk, programs=0.5)


@pytest.mark.gives(
    "desired-state.document-served", "desired-state.bundle-served", "status.first-201", "status.repeat-200"
)
@pytest.mark.needs("assign")
def test_links_are_followed_from_a_manifest(wos: Stage) -> None:
    """The same for a client with two deployments: from the manifest to documents, to the bundle and to reports."""
    Walk.traffic, Walk.assigned = Traffic(wos, wos.client()), 2
    wos.play(Walk, programs=0.5)
