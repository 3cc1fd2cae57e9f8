"""Situations around the capabilities of a device (capabilities.md)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wos_conformance.drive import sample, strategy
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


@pytest.mark.gives("capabilities.first-201", "capabilities.kept-as-sent", "capabilities.delete-204")
def test_devices_of_every_kind_are_announced(wos: Stage) -> None:
    """Generated documents: deep device ids, labels of every type, extensions."""
    client = wos.client(announce=False)

    @wos.property
    @given(st.data())
    def announce(data: st.DataObject) -> None:
        device_id = data.draw(strategy.device_ids(), label="device id")
        client.announce(data.draw(strategy.capabilities(device_id), label="capabilities"), device_id)
        wos.look(client)
        client.forget(device_id)

    announce()


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


@pytest.mark.gives("capabilities.delete-204", "capabilities.delete-unknown-404")
def test_device_is_withdrawn_twice(wos: Stage) -> None:
    """One of two devices is withdrawn, then again, then the other."""
    client = wos.client()
    other = sample.word(wos.random)
    wos.need(client.announce(sample.capabilities(wos.random, other), other), 201, 200)
    client.forget(client.device_id)
    client.forget(client.device_id)
    client.forget(other)
