"""Documents: what is copied, what is left out, and how it is written (deployment.md, extensions.md, boundary.md)."""

import hashlib
import json
from typing import Any

import pytest
import yaml
from visited_wos import APPLICATION, Client, capabilities

COMPONENT = {
    "name": "mixer",
    "properties": {
        "repository": "oci://r.example/m",
        "revision": "1.0.0",
        "wait": False,
        "timeout": "5m30s",
        "own": {"a": [1, None, "on"]},
    },
    "x-acme-extensions": {"deep": {"y": "2024-01-31", "n": 2**60}},
}
CONSTRAINTS = {
    "capacityRequirements": {"memory": "1Mi"},
    "eligibilityRules": [
        {"labelSelector": {"matchExpressions": [{"key": "k", "operator": "Resembles", "values": [1]}]}}
    ],
    "moonRequirements": {"phase": "full"},
}
TARGETS = [{"pointer": "A", "components": ["mixer"]}, {"pointer": "B", "components": ["mixer"]}]


def application(**profile: Any) -> dict[str, Any]:
    """A description with one profile, in which everything occurs."""
    described = {
        "type": "compose",
        "id": "small",
        "description": "for people",
        "components": [COMPONENT],
        "x-profile-extensions": {"same": [1, 2], "again": [1, 2]},
        **profile,
    }
    return {
        **APPLICATION,
        "deploymentProfiles": [described],
        "x-root-extensions": {"secret": "rootonly"},
        "parameters": {
            "set": {"value": 1, "targets": TARGETS},
            "default": {"value": "off", "targets": TARGETS},
            "open": {"targets": TARGETS},
        },
    }


def document(client: Client, **changes: Any) -> tuple[str, Any]:
    """The text of the one document of a client, and what it means."""
    client.assign(**changes)
    (entry,) = client.manifest()["deployments"]
    text = client.http.get(entry["url"]).text
    return text, yaml.safe_load(text)


def test_profile_is_copied(client: Client) -> None:
    """Components with all their properties, constraints, extensions; not what is for people or for the WOS."""
    text, value = document(client, application=application(deviceConstraints=CONSTRAINTS))
    profile = value["spec"]["deploymentProfile"]
    assert profile == {
        "type": "compose",
        "components": [COMPONENT],
        "deviceConstraints": CONSTRAINTS,
        "x-profile-extensions": {"same": [1, 2], "again": [1, 2]},
    }
    assert "root" not in text
    assert set(value) == {"id", "metadata", "spec"}
    assert set(value["spec"]) == {"applicationId", "deploymentProfile", "parameters"}


def test_only_parameters_with_a_value_are_passed(client: Client) -> None:
    """Of the assignment or the description."""
    _, value = document(client, application=application(), parameters={"set": [1, "1", True, 0.5]})
    assert value["spec"]["parameters"] == {
        "set": {"value": [1, "1", True, 0.5], "targets": TARGETS},
        "default": {"value": "off", "targets": TARGETS},
    }


def test_document_is_plain_yaml(client: Client) -> None:
    """No alias, anchor, tag, second document or repeated key, although equal parts occur."""
    text, _ = document(client, application=application())
    events = list(yaml.parse(text))
    assert sum(isinstance(event, yaml.DocumentStartEvent) for event in events) == 1
    for event in events:
        assert not isinstance(event, yaml.AliasEvent)
        assert getattr(event, "anchor", None) is None
        assert getattr(event, "tag", None) in (None, "!")


def test_types_are_treated_alike(client: Client) -> None:
    """Two assignments that differ in type and device have the same members."""
    helm = {"properties": {**capabilities("tower")["properties"], "supportedDeploymentTypes": ["helm"]}}
    assert client.http.put("/api/v1/capabilities/tower", json=helm).status_code == 201
    client.assign(application=application())
    client.assign(application=application(type="helm"), deviceId="tower")
    paths = {tuple(sorted(members(served(client, entry)))) for entry in client.manifest()["deployments"]}
    assert len(paths) == 1


def served(client: Client, entry: dict[str, Any]) -> Any:
    """The document of an entry, whose digest is right."""
    content = client.http.get(entry["url"]).content
    assert entry["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    return yaml.safe_load(content)


def members(value: Any, path: str = "") -> set[str]:
    """The paths of all members, without indices."""
    if isinstance(value, dict):
        return {p for name in value for p in {f"{path}/{name}"} | members(value[name], f"{path}/{name}")}
    if isinstance(value, list):
        return {p for item in value for p in members(item, path)}
    return set()


@pytest.mark.parametrize(
    "listed", [["helm"], ["helm", "custom"], ["unikernel"], None], ids=["other", "others", "unknown", "none"]
)
def test_type_that_a_device_does_not_list_is_refused(client: Client, listed: list[str] | None) -> None:
    """Also in an update; the twin that is listed is published."""
    offered = dict(capabilities("picky")["properties"])
    offered.pop("supportedDeploymentTypes")
    if listed is not None:
        offered["supportedDeploymentTypes"] = listed
    assert client.http.put("/api/v1/capabilities/picky", json={"properties": offered}).status_code == 201
    wanted = client.assignment(deviceId="picky", application=application())
    assert client.wos.operator.post("/control/v1/assign", json=wanted).status_code == 409
    if listed and "helm" in listed:
        deployment = client.assign(deviceId="picky", application=application(type="helm"))
        changed = {"deploymentId": deployment, "application": application()}
        assert client.wos.operator.post("/control/v1/update", json=changed).status_code == 409
        assert [
            served(client, entry)["spec"]["deploymentProfile"]["type"] for entry in client.manifest()["deployments"]
        ] == ["helm"]


def test_unconstrained_order_is_carried_out_and_advised(client: Client) -> None:
    """The device decides."""
    wanted = client.assignment(application=application(deviceConstraints=CONSTRAINTS))
    answer = client.wos.do("assign", **wanted)
    assert "does not fit" in answer["advice"]
    assert json.dumps(answer["deploymentId"]) in json.dumps(client.manifest())
