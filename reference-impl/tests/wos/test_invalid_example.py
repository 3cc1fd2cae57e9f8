"""Every invalid example of the specification, sent where a WOS takes such a thing: refused, and nothing is stored."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from visited_wos import APPLICATION, MANIFEST, Client, capabilities, overview, problem_of, raw, status

EXAMPLES = next(p / "spec/v1.0/examples" for p in Path(__file__).resolve().parents if (p / "spec/v1.0").is_dir())
DIGEST = "sha256:" + "0" * 64
BODIES_OF_AGENTS = {"device-capabilities", "deployment-status"}
"""In test_bad_input.py."""
ONLY_SENT = {
    "application-deployment",
    "desired-state-manifest",
    "discovery-document",
    "problem-detail",
    "trust-bundle",
}
"""Documents that a WOS makes and never takes."""
USED: set[str] = set()


def invalid(name: str) -> Any:
    """All invalid examples of a schema, as values of a test."""
    USED.add(name)
    paths = sorted((EXAMPLES / name / "invalid").glob("*.json"))
    values = [pytest.param(json.loads(path.read_bytes()), id=path.stem) for path in paths]
    return pytest.mark.parametrize("value", values)


def test_no_schema_is_left_out() -> None:
    """Each is used here, is the body of an agent, or is only sent."""
    assert {folder.parent.name for folder in EXAMPLES.glob("*/invalid")} == USED | BODIES_OF_AGENTS | ONLY_SENT


def refused(client: Client, verb: str, **body: Any) -> None:
    """A verb of the test control that is answered 400 and a sentence."""
    answer = client.wos.operator.post(f"/control/v1/{verb}", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]


@invalid("application-description")
def test_application_description(untouched: tuple[Client, str], value: Any) -> None:
    """Imported, assigned, or put in the place of another."""
    client, deployment = untouched
    refused(client, "assign", **client.assignment(application=value))
    refused(client, "update", deploymentId=deployment, application=value)
    answer = client.wos.operator.post("/operator/v1/applications", json=value)
    assert (answer.status_code, "error" in answer.json()) == (400, True)


@invalid("device-constraints")
def test_constraints(untouched: tuple[Client, str], value: Any) -> None:
    """Of a profile of an application."""
    client, _ = untouched
    (profile,) = APPLICATION["deploymentProfiles"]
    application = {**APPLICATION, "deploymentProfiles": [profile | {"deviceConstraints": value}]}
    refused(client, "assign", **client.assignment(application=application))


@invalid("spiffe-id")
def test_spiffe_id(untouched: tuple[Client, str], value: Any) -> None:
    """Nobody is admitted under it."""
    client, _ = untouched
    refused(client, "admit", spiffeId=value)
    assert value not in {line["spiffe_id"] for line in overview(client.wos)}


@invalid("manifest-version")
def test_version(untouched: tuple[Client, str], value: Any) -> None:
    """Adopted by an agent, or set by the operator."""
    client, deployment = untouched
    answer = client.http.post(
        f"{MANIFEST}/{deployment}/status", json={**status(deployment), "adoptedManifestVersion": value}
    )
    assert problem_of(answer) == (422, "semantic-error")
    refused(client, "set_version", spiffeId=client.spiffe_id, version=value)


@invalid("device-id")
def test_device_id(untouched: tuple[Client, str], value: Any) -> None:
    """In a path and in the body that repeats it."""
    client, _ = untouched
    document = capabilities(client.device_id)
    document["properties"]["id"] = value
    body = json.dumps(document).encode()
    for path in (client.device_id, quote(str(value))):
        head = f"PUT /api/v1/capabilities/{path} HTTP/1.1\r\nHost: wos\r\nContent-Length: {len(body)}\r\n\r\n"
        assert raw(client, head.encode() + body) in {(422, "semantic-error"), (404, "about:blank")}


@invalid("deployment-id")
def test_deployment_id(untouched: tuple[Client, str], value: Any) -> None:
    """In a path and in a body."""
    client, deployment = untouched
    answer = client.http.post(f"{MANIFEST}/{deployment}/status", json={**status(deployment), "deploymentId": value})
    assert problem_of(answer) == (422, "semantic-error")
    name = quote(str(value), safe="")
    answer = client.http.post(f"{MANIFEST}/{name}/status", json=status(deployment))
    assert problem_of(answer) == (404, "deployment-not-found")
    assert problem_of(client.http.get(f"{MANIFEST}/{name}/{DIGEST}")) == (404, "deployment-not-found")


@invalid("digest")
def test_digest(untouched: tuple[Client, str], value: Any) -> None:
    """Of a document and of a bundle."""
    client, deployment = untouched
    name = quote(value, safe=":")
    assert problem_of(client.http.get(f"{MANIFEST}/{deployment}/{name}")) == (404, "deployment-not-found")
    assert problem_of(client.http.get(f"/api/v1/bundles/{name}")) == (404, "invalid-bundle")
