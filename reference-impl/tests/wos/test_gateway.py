"""Gateways and their children, and what becomes of deployments when a device goes (capabilities.md)."""

import re

import pytest
from visited_wos import MANIFEST, Client, assert_problem, capabilities


@pytest.fixture
def hall(client: Client) -> Client:
    """A client whose gateway and two children are announced, besides its other device."""
    for device in ("hall", "hall/a", "hall/line/b"):
        assert client.announce(device).status_code == 201
    return client


def named(client: Client) -> set[str]:
    """The deployments in the manifest."""
    return {entry["deploymentId"] for entry in client.manifest()["deployments"]}


def known(client: Client) -> set[str]:
    """The devices that are kept."""
    return {device["deviceId"] for device in client.view()["devices"]}


@pytest.mark.parametrize("child", ["hall/a", "hall/line/b", "hal/a", "halls/a"])
def test_child_comes_after_its_gateway(client: Client, child: str) -> None:
    """A part of a segment is no gateway."""
    client.announce("hall-of-others")
    client.announce("hall")
    client.announce("ha")
    accepted = child.startswith("hall/")
    answer = client.announce(child)
    if accepted:
        assert answer.status_code == 201
    else:
        assert_problem(answer, 404, "gateway-not-found")
        assert child not in known(client)


def test_children_go_with_their_gateway(hall: Client) -> None:
    """With all deployments of theirs; nothing comes back by itself."""
    others = hall.announce("hall2").status_code, hall.announce("hallway").status_code
    assert others == (201, 201)
    stays = hall.assign()
    gone = [hall.assign(deviceId=device) for device in ("hall", "hall/a", "hall/line/b", "hall/*")]
    before = hall.manifest()
    assert named(hall) == {stays, *gone}
    assert hall.withdraw_device("hall").status_code == 204
    assert known(hall) == {hall.device_id, "hall2", "hallway"}
    assert named(hall) == {stays}
    assert hall.manifest()["manifestVersion"] > before["manifestVersion"]
    for device in ("hall/a", "hall/line/b", "hall"):
        assert_problem(hall.withdraw_device(device), 404, "device-not-found")
    for device in ("hall", "hall/a"):
        assert hall.announce(device).status_code == 201
    assert named(hall) == {stays}
    for url in (entry["url"] for entry in before["deployments"]):
        assert hall.http.get(url).status_code == 200
    assert hall.report(gone[1], "removed").status_code == 201


def test_device_in_the_middle_takes_its_children_with_it(hall: Client) -> None:
    """Although the gateway above it is still there."""
    assert hall.announce("hall/line").status_code == 201
    assert hall.withdraw_device("hall/line").status_code == 204
    assert known(hall) == {hall.device_id, "hall", "hall/a"}


def test_escaped_slash_is_a_slash(hall: Client) -> None:
    """For programs that are generated."""
    path = "/api/v1/capabilities/hall%2Fc"
    assert hall.http.put(path, json=capabilities("hall/c")).status_code == 201
    assert hall.withdraw_device("hall/c").status_code == 204


def test_gateway_chooses_among_those_that_take_the_type(hall: Client) -> None:
    """And there must be one."""
    bare = {"properties": {**capabilities("bare")["properties"], "supportedDeploymentTypes": ["helm"]}}
    assert hall.http.put("/api/v1/capabilities/bare", json=bare).status_code == 201
    hall.assign(deviceId="hall/*")
    for device in ("bare", "bare/*", "elsewhere/*", "hall/unknown"):
        answer = hall.wos.operator.post("/control/v1/assign", json=hall.assignment(deviceId=device))
        assert answer.status_code == 409, device


def test_document_of_a_child_names_it(hall: Client) -> None:
    """In the one manifest of the client."""
    hall.assign(deviceId="hall/a")
    (entry,) = hall.manifest()["deployments"]
    assert re.search(r'"?deviceId"?: "hall/a"', hall.http.get(entry["url"]).text)


def test_capabilities_and_reports_move_nothing(client: Client) -> None:
    """Nobody but the operator changes a manifest."""
    deployment = client.assign()
    before = client.http.get(MANIFEST).content
    less = {"properties": {**capabilities(client.device_id)["properties"], "memory": "1Mi"}, "labels": {"x": 1}}
    assert client.http.put(f"/api/v1/capabilities/{client.device_id}", json=less).status_code == 200
    for state in ("failed", "pending"):
        client.report(deployment, state)
    assert client.http.get(MANIFEST).content == before
