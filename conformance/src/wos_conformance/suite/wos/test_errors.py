"""Situations in which a WOS says no (errors.md)."""

import pytest

from wos_conformance.drive import sample
from wos_conformance.suite.wos.client import json_bytes
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
USUAL = 7_600
"""With the rest of a head less than 8192 bytes."""
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
    "errors.problem-media-type",
    "errors.problem-valid",
    "errors.type-registered",
    "errors.no-internals",
    "errors.no-server-error",
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


@pytest.mark.gives("errors.method-405", "errors.problem-media-type", "errors.type-registered")
@pytest.mark.parametrize("method", ["PATCH", "POST", "PUT", "DELETE", "GET"])
def test_method_is_not_known_there(wos: Stage, method: str) -> None:
    """Each path is asked for with a method that it does not have."""
    client = wos.client()
    name, digest = sample.uuid(wos.random), sample.digest(wos.random)
    paths = {
        client.device_path(): "PATCH POST GET",
        "/api/v1/deployments": "PATCH POST PUT DELETE",
        f"/api/v1/deployments/{name}/{digest}": "PATCH POST PUT DELETE",
        f"/api/v1/deployments/{name}/status": "PATCH PUT DELETE GET",
        f"/api/v1/bundles/{digest}": "PATCH POST PUT DELETE",
    }
    for path in (path for path, methods in paths.items() if method in methods.split()):
        client.send(method, path, b"")


@pytest.mark.gives("errors.no-server-error", "connectivity.wos-http-version")
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE"])
def test_method_is_unusual(wos: Stage, method: str) -> None:
    """Each path is asked for with a method that the interface does not speak of; afterwards the manifest is served."""
    client = wos.client()
    digest = sample.digest(wos.random)
    for path in (client.device_path(), "/api/v1/deployments", f"/api/v1/bundles/{digest}", "/api/v1/nothing"):
        client.send(method, path, b"")
    wos.need(client.poll(), 200)


MEDIA_TYPES = {
    "text": "text/plain",
    "yaml": "application/yaml",
    "form": "application/x-www-form-urlencoded",
    "other-json": "application/vnd.example+json",
}


@pytest.mark.gives("errors.media-type-415", "errors.problem-media-type", "errors.type-registered")
@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_body_has_another_media_type(wos: Stage, name: str) -> None:
    """A right document is accepted as JSON, also without a type; then it comes as something else."""
    client = wos.client()
    document = sample.capabilities(wos.random, client.device_id)
    for accepted in ("application/json; charset=utf-8", None):
        wos.need(client.announce(document, media_type=accepted), 200)
    client.announce(document, media_type=MEDIA_TYPES[name])
    wos.look(client)


@pytest.mark.gives("errors.media-type-415", "status.newest-visible")
@pytest.mark.needs("assign")
def test_report_has_another_media_type(wos: Stage) -> None:
    """A report is accepted as JSON; then the next one comes as text."""
    client = wos.client()
    deployment = wos.assign(client, sample.application(wos.random))
    version = wos.manifest(client).version
    wos.need(client.report(sample.status(deployment.id, version, deployment.components, "installing")), 200, 201)
    client.report(sample.status(deployment.id, version, deployment.components), media_type="text/plain")
    wos.look(client)


@pytest.mark.gives("errors.size-accepted", "capabilities.valid-accepted")
@pytest.mark.parametrize("size", [200_000, 262_144])
def test_body_is_large(wos: Stage, size: int) -> None:
    """A document is padded by a label until its body has exactly this many bytes."""
    client = wos.client()
    document = sample.capabilities(wos.random, client.device_id)
    document["labels"]["pad"] = ""
    document["labels"]["pad"] = "x" * (size - len(json_bytes(document)))
    client.announce(document)
    wos.look(client)


@pytest.mark.gives("errors.problem-media-type", "errors.type-registered", "errors.no-server-error")
@pytest.mark.parametrize("size", [262_145, 4 << 20])
def test_body_is_larger_than_all_take(wos: Stage, size: int) -> None:
    """A good document has a label that makes it longer than anybody has to take; then one of the usual length comes."""
    client = wos.client()
    document = sample.capabilities(wos.random, client.device_id)
    document["labels"]["pad"] = "x" * size
    client.announce(document)
    del document["labels"]["pad"]
    wos.need(client.announce(document), 200)


@pytest.mark.gives("errors.head-accepted")
def test_head_is_of_usual_length(wos: Stage) -> None:
    """A client polls with as long a head as every WOS takes."""
    client = wos.client()
    wos.need(client.poll(), 200)
    client.poll_with(("x-pad", "x" * USUAL))


@pytest.mark.gives("errors.long-head-answered", "errors.long-head-survived")
@pytest.mark.parametrize("length", [12_000, 100_000])
def test_head_is_long(wos: Stage, length: int) -> None:
    """A client polls with a head that a WOS need not take, and then on another connection as usual."""
    client = wos.client()
    wos.need(client.poll(), 200)
    client.poll_with(("x-pad", "x" * length))
    client.new_connection()
    wos.need(client.poll(), 200)


@pytest.mark.gives("errors.transient-retry-after", "errors.transient-members")
@pytest.mark.needs("fault")
@pytest.mark.parametrize("status", [429, 503])
def test_wos_has_no_time(wos: Stage, status: int) -> None:
    """The WOS is told to answer that it has no time; afterwards it serves again."""
    client = wos.client()
    with wos.fault(client, status):
        client.poll()
    client.poll()
