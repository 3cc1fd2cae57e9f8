"""Situations in which a WOS says no (errors.md)."""

import pytest

from wos_conformance.drive import sample
from wos_conformance.suite.wos.stage import Stage

HOSTILE_BODIES = {
    "nan": b'{"properties": NaN}',
    "number-beyond-doubles": b'{"properties": 1e999}',
    "very-long-number": b'{"properties": ' + b"9" * 5000 + b"}",
    "nested-deeply": b"[" * 50_000 + b"]" * 50_000,
    "lone-surrogate": b'{"properties": {"id": "\\ud800"}}',
    "null-character": b'{"properties": {"id": "a\\u0000b"}}',
    "duplicate-member": b'{"properties": {}, "properties": {}}',
    "array": b"[]",
    "null": b"null",
    "large": b'{"properties": "' + b"x" * 2_000_000 + b'"}',
}
HOSTILE_PATHS = {
    "dot-segments": "/api/v1/capabilities/gateway/../other",
    "encoded-slash": "/api/v1/capabilities/a%2Fb",
    "encoded-null": "/api/v1/capabilities/a%00b",
    "not-utf-8": "/api/v1/capabilities/%ff",
    "empty-segment": "/api/v1/capabilities//",
    "digest-of-63-digits": "/api/v1/bundles/sha256:" + "0" * 63,
    "digest-in-upper-case": "/api/v1/bundles/sha256:" + "A" * 64,
    "status-as-digest": "/api/v1/deployments/7c1d9a52-9d4e-4c1e-9a39-2f64f7d0a6b1/status",
    "unknown": "/api/v1/nothing",
}


@pytest.mark.gives(
    "errors.problem-media-type", "errors.problem-valid", "errors.type-registered", "errors.no-server-error"
)
@pytest.mark.parametrize("body", HOSTILE_BODIES)
def test_body_is_hostile(wos: Stage, body: str) -> None:
    """Bodies that break careless parsers are sent as capabilities and as a report."""
    client = wos.client()
    client.send("PUT", client.device_path(), HOSTILE_BODIES[body])
    client.send("POST", f"/api/v1/deployments/{sample.uuid(wos.random)}/status", HOSTILE_BODIES[body])
    wos.need(client.poll(), 200)


@pytest.mark.gives("errors.status-repeated", "errors.permanent-not-retryable", "errors.no-server-error")
@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_path_is_hostile(wos: Stage, path: str) -> None:
    """Paths that break careless routers are asked for with every method of the interface."""
    client = wos.client()
    for method in ("GET", "PUT", "POST", "DELETE"):
        client.send(method, HOSTILE_PATHS[path], b"" if method in {"GET", "DELETE"} else b"{}")
    wos.need(client.poll(), 200)


@pytest.mark.gives("errors.method-405")
@pytest.mark.parametrize("method", ["PATCH", "POST", "PUT", "DELETE"])
def test_method_is_not_known_there(wos: Stage, method: str) -> None:
    """The manifest is asked for with a method that the path does not have."""
    wos.client().send(method, "/api/v1/deployments", b"")


@pytest.mark.gives("errors.transient-retry-after", "errors.transient-members")
@pytest.mark.needs("fault")
@pytest.mark.parametrize("status", [429, 503])
def test_wos_has_no_time(wos: Stage, status: int) -> None:
    """The WOS is told to answer that it has no time; afterwards it serves again."""
    client = wos.client()
    with wos.fault(client, status):
        client.poll()
    client.poll()
