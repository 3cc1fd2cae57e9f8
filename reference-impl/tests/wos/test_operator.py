"""The test control of the reference WOS (openapi/test-control.yaml)."""

import httpx
import pytest
from visited_wos import APPLICATION, Client, Wos


def test_token_is_asked_for(wos: Wos) -> None:
    """Missing or wrong."""
    for headers in ({}, {"authorization": "Bearer wrong"}):
        answer = httpx.post(f"{wos.control_url}/control/v1/admit", json={"spiffeId": "x"}, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]


@pytest.mark.parametrize(
    ("verb", "body", "expected"),
    [
        pytest.param("fly", b"{}", 501, id="unknown-verb"),
        pytest.param("admit", b"[]", 400, id="no-object"),
        pytest.param("admit", b"{", 400, id="no-json"),
        pytest.param("admit", b"{}", 400, id="member-missing"),
        pytest.param("withdraw", b'{"deploymentId": "unknown"}', 409, id="unknown-deployment"),
        pytest.param("retire", b'{"spiffeId": "unknown"}', 409, id="unknown-client"),
        pytest.param("set_version", b'{"spiffeId": "unknown", "version": 5}', 409, id="version-of-unknown-client"),
        pytest.param("set_version", b'{"spiffeId": "unknown", "version": 18446744073709551616}', 400, id="no-version"),
        pytest.param("fault", b'{"spiffeId": "unknown", "status": 404}', 400, id="no-fault"),
        pytest.param("admit", b'{"spiffeId": 7}', 400, id="number"),
        pytest.param("admit", b'{"spiffeId": "spiffe://elsewhere.example/margo/wfm/x/client/y"}', 400, id="foreign"),
        pytest.param("admit", b'{"spiffeId": "\\u0000"}', 400, id="nul"),
        pytest.param("withdraw", b'{"deploymentId": "x", "requestId": 7}', 400, id="request-id-is-number"),
        pytest.param("set_version", b'{"spiffeId": "x", "version": NaN}', 400, id="nan"),
        pytest.param("approve", b'{"spiffeId": "x"}', 501, id="no-identity-service"),
    ],
)
def test_wrong_request_is_told(wos: Wos, verb: str, body: bytes, expected: int) -> None:
    """With a sentence."""
    answer = wos.operator.post(f"/control/v1/{verb}", content=body)
    assert answer.status_code == expected, answer.text
    assert answer.json()["error"]


@pytest.mark.parametrize("verb", ["start", "Admit", "set-version", "%C3%BC", "-"])
def test_word_that_is_no_verb_of_a_wos_is_not_offered(wos: Wos, verb: str) -> None:
    """Of an agent, in other letters, or of nobody."""
    answer = wos.operator.post(f"/control/v1/{verb}", json={})
    assert answer.status_code == 501
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/control/v1/view", id="method-of-a-verb"),
        pytest.param("POST", "/control/v1/view/", id="slash-at-the-end"),
        pytest.param("POST", "/control/v1/view/more", id="two-words"),
        pytest.param("POST", "/control/v2/view", id="other-contract"),
    ],
)
def test_other_path_or_method_is_not_there(wos: Wos, method: str, path: str) -> None:
    """With a sentence."""
    answer = wos.operator.request(method, path, json={})
    assert answer.status_code == 404
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"application": {**APPLICATION, "id": "NO"}}, id="invalid-application"),
        pytest.param({"profileId": "large"}, id="unknown-profile"),
        pytest.param({"parameters": {"colour": "red"}}, id="unknown-parameter"),
        pytest.param({"deviceId": "elsewhere"}, id="unknown-device"),
    ],
)
def test_assignment_that_makes_no_sense_is_refused(client: Client, changes: dict[str, object]) -> None:
    """Nothing changes."""
    before = client.manifest()
    wanted = {"spiffeId": client.spiffe_id, "deviceId": client.device_id, "application": APPLICATION}
    answer = client.wos.operator.post("/control/v1/assign", json={**wanted, "profileId": "small", **changes})
    assert answer.status_code in (400, 409), answer.text
    assert client.manifest() == before


def test_request_is_carried_out_once(client: Client) -> None:
    """The same answer to the same request."""
    arguments = {"requestId": f"request-{client.spiffe_id}", "application": APPLICATION, "profileId": "small"}
    first, second = client.assign(**arguments), client.assign(**arguments)
    assert first == second
    assert len(client.manifest()["deployments"]) == 1


def test_request_id_belongs_to_one_request(client: Client) -> None:
    """Another body, or another verb, is another request."""
    name = f"other-{client.spiffe_id}"
    client.assign(requestId=name)
    for verb, body in (("assign", client.assignment(profileId="large")), ("retire", {"spiffeId": client.spiffe_id})):
        answer = client.wos.operator.post(f"/control/v1/{verb}", json={**body, "requestId": name})
        assert answer.status_code == 409
    assert len(client.manifest()["deployments"]) == 1


def test_members_that_nobody_knows_are_ignored(client: Client) -> None:
    """A later contract may have them."""
    client.wos.do("admit", spiffeId=client.spiffe_id, colour="red")
    assert client.assign(priority=7)
