"""Who may ask, and how a WOS says no (identity.md, capabilities.md, status.md, errors.md)."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from visited_wos import MANIFEST, UNKNOWN, WOS_ID, Client, Wos, assert_problem, capabilities, status

from wos_reference.wos.body import BODY_AT_MOST


@pytest.mark.parametrize(
    "names",
    [
        pytest.param((f"{WOS_ID}/client/",), id="empty-client"),
        pytest.param((f"{WOS_ID}/client/a/b",), id="segment-too-many"),
        pytest.param((f"{WOS_ID}/Client/a",), id="other-case"),
        pytest.param(("spiffe://plant.example/margo/wfm/other/client/a",), id="other-wos"),
        pytest.param(("spiffe://plant.other/margo/wfm/main/client/a",), id="other-trust-domain"),
        pytest.param((f"{WOS_ID}/client/..",), id="dots"),
        pytest.param((WOS_ID,), id="the-wos-itself"),
        pytest.param((), id="no-name"),
        pytest.param((f"{WOS_ID}/client/a", f"{WOS_ID}/client/b"), id="two-names"),
    ],
)
def test_peer_with_a_wrong_name_is_refused(wos: Wos, names: tuple[str, ...]) -> None:
    """Even when the operator tried to admit it."""
    for name in names:
        wos.operator.post("/control/v1/admit", json={"spiffeId": name})
    assert_problem(wos.visitor(wos.trust_domain.issue(*names)).get(MANIFEST), 403, "not-authorized")


def test_authority_is_no_client(wos: Wos) -> None:
    """A leaf may not sign."""
    name = f"{WOS_ID}/client/authority"
    wos.do("admit", spiffeId=name)
    assert_problem(wos.visitor(wos.trust_domain.issue(name, authority=True)).get(MANIFEST), 403, "not-authorized")


def test_peer_without_certificate_is_not_heard(wos: Wos) -> None:
    """The handshake fails."""
    with pytest.raises(httpx.TransportError):
        wos.visitor(None).get(MANIFEST)


def test_policy_is_asked_for_each_request(client: Client) -> None:
    """Retired and admitted again, on one connection."""
    assert client.http.get(MANIFEST).status_code == 200
    client.wos.do("retire", spiffeId=client.spiffe_id)
    assert_problem(client.http.get(MANIFEST), 403, "not-authorized")
    client.wos.do("admit", spiffeId=client.spiffe_id)
    assert client.http.get(MANIFEST).status_code == 200


def test_capabilities_are_kept_as_sent(client: Client) -> None:
    """With everything that the schema does not know."""
    sent = {**capabilities(client.device_id), "x-example-extensions": {"a": [1, None, 2**60]}}
    path = f"/api/v1/capabilities/{client.device_id}"
    assert client.http.put(path, json=sent).status_code == 200
    (device,) = client.wos.do("view", spiffeId=client.spiffe_id)["devices"]
    assert device["capabilities"] == sent
    assert client.http.delete(path).status_code == 204
    assert_problem(client.http.delete(path), 404, "device-not-found")


def test_device_id_with_slashes_is_one_device(client: Client) -> None:
    """Behind a gateway."""
    assert client.announce("gateway1").status_code == 201
    path = "/api/v1/capabilities/gateway1/deviceA"
    assert [client.http.put(path, json=capabilities("gateway1/deviceA")).status_code for _ in (1, 2)] == [201, 200]


def test_faults_are_named_by_pointer(client: Client) -> None:
    """All of them."""
    wrong: dict[str, Any] = capabilities(client.device_id)
    wrong["properties"] |= {"memory": "8GB", "otelCollector": "yes"}
    answer = client.http.put(f"/api/v1/capabilities/{client.device_id}", json=wrong)
    assert_problem(answer, 422, "semantic-error")
    assert {e["field"] for e in answer.json()["errors"]} == {"/properties/memory", "/properties/otelCollector"}


def test_body_must_agree_with_its_path(client: Client) -> None:
    """Nothing of it is kept."""
    answer = client.http.put("/api/v1/capabilities/other", json=capabilities("another"))
    assert_problem(answer, 422, "semantic-error")
    shown = client.wos.do("view", spiffeId=client.spiffe_id)["devices"]
    assert [device["deviceId"] for device in shown] == [client.device_id]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut-short"),
        pytest.param(b'"\xff"', id="not-utf-8"),
        pytest.param(b"NaN", id="nan"),
        pytest.param(b"[" * 100_000, id="nested-deeply"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte-order-mark"),
    ],
)
def test_body_that_is_not_json_is_refused(client: Client, body: bytes) -> None:
    """As a request that makes no sense."""
    answer = client.http.put(f"/api/v1/capabilities/{client.device_id}", content=body)
    assert_problem(answer, 400, "invalid-request")


def test_enormous_number_is_a_fault_and_no_accident(client: Client) -> None:
    """Its text is longer than Python reads."""
    wrong = json.dumps({**status(UNKNOWN), "adoptedManifestVersion": 0}).replace(
        'Version": 0', f'Version": {"9" * 9999}'
    )
    answer = client.http.post(f"{MANIFEST}/{UNKNOWN}/status", content=wrong.encode())
    assert_problem(answer, 422, "semantic-error")


def test_body_that_is_too_large_is_refused(client: Client) -> None:
    """One byte too many."""
    body = b" " * (BODY_AT_MOST + 1)
    assert_problem(client.http.put(f"/api/v1/capabilities/{client.device_id}", content=body), 413)


def test_reports_are_counted_by_deployment(client: Client) -> None:
    """201 first, then 200; after the withdrawal, too."""
    deployment = client.assign()
    assert [client.report(deployment, state).status_code for state in ("pending", "installing")] == [201, 200]
    client.wos.do("withdraw", deploymentId=deployment)
    assert client.report(deployment, "removed").status_code == 200
    (shown,) = client.wos.do("view", spiffeId=client.spiffe_id)["deployments"]
    assert shown["status"]["status"]["state"] == "removed"
    assert_problem(client.report(UNKNOWN), 404, "deployment-not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", MANIFEST, "GET"),
        ("GET", "/api/v1/capabilities/x", "DELETE, PUT"),
        ("PUT", f"{MANIFEST}/{UNKNOWN}/status", "POST"),
        ("DELETE", "/api/v1/bundles/sha256:0", "GET"),
    ],
    ids=["manifest", "capabilities", "status", "bundle"],
)
def test_method_that_a_path_does_not_have(client: Client, method: str, path: str, allowed: str) -> None:
    """405 says which it has."""
    answer = client.http.request(method, path)
    assert_problem(answer, 405)
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/", "/api/v1", "/api/v2/deployments", "/api/v1/bundles/%ff", "/control/v1/admit"])
def test_path_that_is_not_there(client: Client, path: str) -> None:
    """The verbs of the operator among them."""
    assert client.http.get(path).status_code == 404


def test_fault_is_served_once_to_one_client(wos: Wos, client_of: Callable[..., Client]) -> None:
    """With the time after which to come again."""
    client, other = client_of(wos, "faulty"), client_of(wos, "healthy")
    wos.do("fault", spiffeId=client.spiffe_id, status=503)
    assert other.http.get(MANIFEST).status_code == 200
    answer = client.http.get(MANIFEST)
    assert (answer.status_code, answer.json()["retryable"]) == (503, True)
    assert int(answer.headers["retry-after"]) >= 1
    assert client.http.get(MANIFEST).status_code == 200
