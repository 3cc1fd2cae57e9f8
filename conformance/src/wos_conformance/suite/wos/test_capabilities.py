"""Situations around the capabilities of a device (capabilities.md)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wos_conformance.drive import sample, strategy
from wos_conformance.suite.wos.client import json_bytes
from wos_conformance.suite.wos.stage import Stage

FAULTS = {
    "root-member-unknown": lambda d: d.update(vendor="x"),
    "properties-missing": lambda d: d.pop("properties"),
    "vendor-missing": lambda d: d["properties"].pop("vendor"),
    "vendor-is-a-number": lambda d: d["properties"].update(vendor=7),
    "cores-negative": lambda d: d["properties"].update(cpus=[{"cores": -1}]),
    "architecture-unknown": lambda d: d["properties"].update(cpus=[{"cores": 1, "architecture": "z80"}]),
    "interface-unknown": lambda d: d["properties"].update(interfaces=[{"type": "telepathy"}]),
    "peripheral-unknown": lambda d: d["properties"].update(peripherals=[{"type": "teapot"}]),
    "memory-without-unit": lambda d: d["properties"].update(memory="59"),
    "runtimes-empty": lambda d: d["properties"].update(supportedRuntimes=[]),
    "label-is-an-object": lambda d: d.update(labels={"a": {}}),
    "extension-is-a-string": lambda d: d.update({"x-acme-extensions": "no"}),
}
MALFORMED = {
    "empty": b"",
    "cut-short": b'{"properties":',
    "not-utf-8": b'{"properties":"\xff"}',
    "not-json": b"<properties/>",
    "two-documents": b"{}{}",
}


@pytest.mark.gives("capabilities.first-201", "capabilities.repeat-200", "capabilities.kept-as-sent")
def test_device_is_announced_again(wos: Stage) -> None:
    """A device is announced twice, the second time with other labels."""
    client = wos.client(announce=False)
    document = sample.capabilities(wos.random, client.device_id)
    wos.need(client.announce(document), 201, 200)
    wos.look(client)
    document["labels"] = {"site": sample.word(wos.random)}
    wos.need(client.announce(document), 200)
    wos.look(client)


@pytest.mark.gives("capabilities.extensions-ignored", "capabilities.kept-as-sent")
def test_device_is_announced_with_unknown_extensions(wos: Stage) -> None:
    """Extensions that no WOS knows stand at the root of the document."""
    client = wos.client(announce=False)
    document = sample.capabilities(wos.random, client.device_id)
    document[f"x-{sample.word(wos.random)}-extensions"] = {"depth": {"more": [1, None, sample.word(wos.random)]}}
    client.announce(document)
    wos.look(client)


@pytest.mark.gives(
    "capabilities.valid-accepted",
    "capabilities.first-201",
    "capabilities.kept-as-sent",
    "capabilities.delete-204",
    "capabilities.unknown-types-accepted",
)
def test_devices_of_every_kind_are_announced(wos: Stage) -> None:
    """Generated documents: long device ids, labels of every type, unknown types and members, extensions."""
    client = wos.client(announce=False)

    @wos.property
    @given(st.data())
    def announce(data: st.DataObject) -> None:
        device_id = data.draw(strategy.device_ids(), label="device id")
        client.forget(device_id)
        client.announce(data.draw(strategy.capabilities(device_id), label="capabilities"), device_id)
        wos.look(client)
        client.forget(device_id)

    announce()


HOSTING = (
    *("cpus", "memory", "storage", "peripherals", "interfaces", "otelCollector"),
    *("supportedRuntimes", "supportedDeploymentTypes"),
)


def _nested(levels: int) -> Any:
    """A value of so many levels."""
    return [_nested(levels - 1)] if levels > 1 else None


UNUSUAL: dict[str, Callable[[dict[str, Any]], Any]] = {
    "space-before-the-unit": lambda d: d["properties"].update(memory="59 Gi", storage="1 Ei"),
    "half-a-core": lambda d: d["properties"].update(cpus=[{"cores": 0.5}, {"cores": 2, "architecture": "arm"}]),
    "identity-alone": lambda d: [d["properties"].pop(name) for name in HOSTING],
    "empty-lists-in-labels": lambda d: d.update(labels={"": [], "a": [1.5], "A": ["x", ""], "b": False}),
    "unknown-members": lambda d: d["properties"].update(cooling={"fans": [1, None]}, supportedRuntimes=["oci", "x"]),
    "unknown-types": lambda d: d["properties"].update(
        supportedRuntimes=["wasm"], supportedDeploymentTypes=["unikernel", "compose"]
    ),
    "peripherals-of-all-types": lambda d: d["properties"].update(
        peripherals=[{"type": kind, "model": "m"} for kind in ("gpu", "display", "camera", "microphone", "speaker")]
    ),
    "extension": lambda d: d.update({"x-a0-extensions": {}}),
    "sixty-four-levels": lambda d: d.update({"x-deep-extensions": {"a": _nested(61)}}),
}


@pytest.mark.gives("capabilities.valid-accepted", "capabilities.unknown-types-accepted", "capabilities.kept-as-sent")
@pytest.mark.parametrize("thing", UNUSUAL)
def test_document_has_something_unusual(wos: Stage, thing: str) -> None:
    """A valid document with one thing that few devices have."""
    client = wos.client(announce=False)
    document = sample.capabilities(wos.random, client.device_id)
    UNUSUAL[thing](document)
    client.announce(document)
    wos.look(client)


@pytest.mark.gives("capabilities.valid-accepted", "capabilities.first-201", "capabilities.delete-204")
@pytest.mark.parametrize("device_id", ["x", "-._~", "..x", "A.b", "con", "status", "x" * 200], ids=lambda i: i[:8])
def test_device_id_is_unusual(wos: Stage, device_id: str) -> None:
    """A device is announced and withdrawn under an id that is allowed although few would choose it."""
    client = wos.client(announce=False)
    client.announce(sample.capabilities(wos.random, device_id), device_id)
    wos.look(client)
    client.forget(device_id)


@pytest.mark.gives("capabilities.dot-segments-refused")
@pytest.mark.parametrize("path", ["gateway/../{}", "./{}", "..", "%2e%2e/{}", "{}/%2E", ".", "{}/../{}"])
def test_path_has_dot_segments(wos: Stage, path: str) -> None:
    """Paths that somebody on the way might resolve to the device of the client."""
    client = wos.client()
    document = sample.capabilities(wos.random, client.device_id)
    target = f"/api/v1/capabilities/{path.replace('{}', client.device_id)}"
    client.send("PUT", target, json_bytes(document))
    client.send("DELETE", target, b"")
    wos.look(client)


@pytest.mark.gives("capabilities.kept-across-restart", "capabilities.kept-as-sent", "capabilities.repeat-200")
@pytest.mark.needs("restart")
def test_wos_is_restarted_after_an_announcement(wos: Stage) -> None:
    """Two devices are announced; after a restart one is looked at and announced again, the other withdrawn."""
    client = wos.client()
    other = sample.word(wos.random)
    wos.need(client.announce(sample.capabilities(wos.random, other), other), 201, 200)
    wos.restart()
    wos.look(client)
    client.forget(other)
    client.announce(sample.capabilities(wos.random, client.device_id))


@pytest.mark.gives("capabilities.invalid-422", "capabilities.refused-not-kept")
@pytest.mark.parametrize("fault", FAULTS)
def test_document_has_one_fault(wos: Stage, fault: str) -> None:
    """A valid document is kept; then the same document comes with one fault."""
    client = wos.client(announce=False)
    document = sample.capabilities(wos.random, client.device_id)
    wos.need(client.announce(document), 201, 200)
    faulty = json.loads(json.dumps(document))
    FAULTS[fault](faulty)
    client.announce(faulty)
    wos.look(client)


@pytest.mark.gives("capabilities.malformed-400", "capabilities.refused-not-kept")
@pytest.mark.parametrize("body", MALFORMED)
def test_body_is_not_json(wos: Stage, body: str) -> None:
    """A valid document is kept; then bytes come that are no JSON text."""
    client = wos.client()
    client.send("PUT", client.device_path(), MALFORMED[body])
    wos.look(client)


@pytest.mark.gives("capabilities.path-mismatch-422", "capabilities.refused-not-kept")
def test_path_names_another_device(wos: Stage) -> None:
    """The document of one device is sent to the path of another."""
    client = wos.client()
    other = sample.word(wos.random)
    client.announce(sample.capabilities(wos.random, client.device_id), other)
    wos.look(client)


@pytest.mark.gives("capabilities.delete-204", "capabilities.delete-unknown-404", "capabilities.delete-leaves-others")
def test_device_is_withdrawn_twice(wos: Stage) -> None:
    """One of several devices is withdrawn, then again, then the others; the id of one begins like that of the first."""
    client = wos.client()
    others = [sample.word(wos.random), f"{client.device_id}-2"]
    for other in others:
        wos.need(client.announce(sample.capabilities(wos.random, other), other), 201, 200)
    client.forget(client.device_id)
    wos.look(client)
    client.forget(client.device_id)
    client.announce(sample.capabilities(wos.random, others[0]), others[0])
    for other in others:
        client.forget(other)
    client.announce(sample.capabilities(wos.random, client.device_id))


@pytest.mark.gives("capabilities.delete-withdraws", "desired-state.version-grows", "desired-state.superseded-served")
@pytest.mark.needs("assign")
def test_device_with_a_deployment_is_withdrawn(wos: Stage) -> None:
    """Of two devices with a deployment each, one is withdrawn and announced again."""
    client = wos.client()
    other = sample.word(wos.random)
    wos.need(client.announce(sample.capabilities(wos.random, other), other), 201, 200)
    for device in (client.device_id, other):
        wos.assign(client, sample.application(wos.random), device_id=device)
    before = wos.manifest(client)
    wos.need(client.forget(client.device_id), 204)
    client.fetch_all(wos.manifest(client))
    client.fetch_all(before)
    client.announce(sample.capabilities(wos.random, client.device_id))
    client.fetch_all(wos.manifest(client))


GATEWAY = ("capabilities.child-accepted", "capabilities.delete-cascades", "capabilities.parent-unknown-404")


@pytest.mark.gives(*GATEWAY, "capabilities.slash-encoded-equal")
def test_child_comes_before_its_gateway(wos: Stage) -> None:
    """A child is announced before its gateway, after one whose id begins like it, and after it; then all leave."""
    client = wos.client(announce=False)
    gateway = client.device_id
    child, deeper = f"{gateway}/{sample.word(wos.random)}", f"{gateway}/line-1/{sample.word(wos.random)}"
    documents = {device: sample.capabilities(wos.random, device) for device in (gateway[:-1], gateway, child, deeper)}
    client.announce(documents[child], child)
    wos.need(client.announce(documents[gateway[:-1]], gateway[:-1]), 200, 201)
    client.announce(documents[child], child)
    wos.need(client.announce(sample.see_through(wos.random, gateway)), 200, 201)
    for device in (child, deeper):
        client.announce(documents[device], device)
    wos.look(client)
    wos.need(client.forget(gateway), 204)
    wos.look(client)
    for device in (child, deeper):
        client.forget(device)
    client.announce(documents[child], child)


@pytest.mark.gives(*GATEWAY)
def test_families_of_every_kind_are_announced(wos: Stage) -> None:
    """Generated children of a gateway, up to four segments below it, come before and after it, and leave with it."""
    client = wos.client(announce=False)

    @wos.property
    @given(st.data())
    def announce(data: st.DataObject) -> None:
        gateway = data.draw(strategy.SEGMENTS, label="gateway")
        family = data.draw(st.lists(strategy.children(gateway), min_size=1, max_size=4, unique=True), label="children")
        for device in (gateway, *family):
            client.forget(device)
        for device in (family[0], gateway, *family):
            client.announce(data.draw(strategy.capabilities(device), label=device), device)
        wos.look(client)
        client.forget(data.draw(st.sampled_from([gateway, *family]), label="leaves"))
        wos.look(client)
        for device in (*family, gateway):
            client.forget(device)

    announce()


@pytest.mark.gives("capabilities.slash-encoded-equal")
def test_slash_of_a_child_is_encoded(wos: Stage) -> None:
    """A child is announced and withdrawn as a generated program would do it."""
    client = wos.client()
    children = [f"{client.device_id}/{sample.word(wos.random)}" for _ in range(2)]
    for child, slash in zip(children, ("/", "%2F"), strict=True):
        path = f"/api/v1/capabilities/{child.replace('/', slash)}"
        client.send("PUT", path, json_bytes(sample.capabilities(wos.random, child)))
    client.send("DELETE", f"/api/v1/capabilities/{children[0].replace('/', '%2F')}", b"")


@pytest.mark.gives("capabilities.cascade-withdraws", "desired-state.one-manifest-for-children")
@pytest.mark.needs("assign")
def test_gateway_with_deployments_is_withdrawn(wos: Stage) -> None:
    """A gateway and its child have a deployment each, in one manifest; then the gateway leaves."""
    client = wos.client()
    child = f"{client.device_id}/{sample.word(wos.random)}"
    wos.need(client.announce(sample.capabilities(wos.random, child), child), 201, 200)
    for device in (client.device_id, child):
        wos.assign(client, sample.application(wos.random), device_id=device)
    client.fetch_all(wos.manifest(client))
    wos.need(client.forget(client.device_id), 204)
    client.fetch_all(wos.manifest(client))
