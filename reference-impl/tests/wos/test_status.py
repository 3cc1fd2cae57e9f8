"""What a WOS does with reports (status.md), and what it learns from them (desired-state.md)."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from visited_wos import APPLICATION, MANIFEST, PATIENCE, UNKNOWN, Client, Wos, assert_problem, status

LARGEST = 2**64 - 1


def send(client: Client, deployment: str, **changes: Any) -> int:
    """The status that a report with changes is answered with."""
    return client.http.post(f"{MANIFEST}/{deployment}/status", json=status(deployment) | changes).status_code


def shown(client: Client, deployment: str) -> Any:
    """What the operator sees."""
    return next(d for d in client.view()["deployments"] if d["deploymentId"] == deployment)["status"]


def test_newest_report_is_shown(client: Client) -> None:
    """The last one about the greatest version; one about an older version comes late."""
    deployment = client.assign()
    assert shown(client, deployment) is None
    assert send(client, deployment, adoptedManifestVersion=2) == 201
    assert send(client, deployment, adoptedManifestVersion=5, status={"state": "failed"}) == 200
    assert send(client, deployment, adoptedManifestVersion=2) == 200
    assert shown(client, deployment)["adoptedManifestVersion"] == 5
    assert send(client, deployment, adoptedManifestVersion=5, status={"state": "installing"}) == 200
    assert shown(client, deployment)["status"]["state"] == "installing"


def test_age_of_a_report_is_shown(client: Client) -> None:
    """When there is one."""
    deployment = client.assign()
    (before,) = client.wos.do("view", spiffeId=client.spiffe_id)["deployments"]
    assert "ageSeconds" not in before
    client.report(deployment)
    (after,) = client.wos.do("view", spiffeId=client.spiffe_id)["deployments"]
    assert 0 <= after["ageSeconds"] < 60


def test_age_counts_from_the_report_across_a_restart(own_wos: Wos, client_of: Callable[[Wos], Client]) -> None:
    """To the second."""
    client = client_of(own_wos)
    deployment = client.assign()
    sent = time.time()
    client.report(deployment)
    answered = time.time()
    own_wos.kill()
    own_wos.start()
    deadline = time.monotonic() + PATIENCE
    while (shown_at := age(client)) < 2:
        assert time.monotonic() < deadline
    assert time.time() - answered - 1 <= shown_at <= time.time() - sent + 1


def age(client: Client) -> float:
    """How old the only report is, as the operator sees it."""
    (deployment,) = client.wos.do("view", spiffeId=client.spiffe_id)["deployments"]
    return float(deployment["ageSeconds"])


@pytest.mark.parametrize("ahead", [1002, 2**53 + 1, 2**63 + 1, LARGEST - 1])
def test_next_change_is_above_what_was_adopted(client: Client, ahead: int) -> None:
    """A WOS that was set back; the report itself changes nothing."""
    deployment = client.assign()
    before = client.http.get(MANIFEST).content
    assert send(client, deployment, adoptedManifestVersion=ahead) == 201
    assert client.http.get(MANIFEST).content == before
    client.wos.do("withdraw", deploymentId=deployment)
    assert client.manifest()["manifestVersion"] == ahead + 1


def test_what_teaches_nothing(client: Client) -> None:
    """A report that was refused, and the greatest version of all."""
    deployment = client.assign()
    assert send(client, deployment, adoptedManifestVersion=LARGEST) == 201
    assert send(client, deployment, adoptedManifestVersion=900, components=[{"name": "x", "state": "failed"}]) == 422
    assert send(client, UNKNOWN, adoptedManifestVersion=901) == 404
    client.assign()
    assert client.manifest()["manifestVersion"] == 3


def test_component_that_never_was_is_refused(client: Client) -> None:
    """One that the deployment had before is not; neither is a report without components."""
    deployment = client.assign()
    (profile,) = APPLICATION["deploymentProfiles"]
    other = [{"name": "pump", "properties": {"repository": "oci://r.example/p", "revision": "1.0.0"}}]
    changed = {**APPLICATION, "deploymentProfiles": [{**profile, "components": other}], "parameters": {}}  # type: ignore[dict-item]
    client.wos.do("update", deploymentId=deployment, application=changed, parameters={})
    for name in ("mixer", "pump"):
        assert send(client, deployment, components=[{"name": name, "state": "installed"}]) in (200, 201)
    assert send(client, deployment, components=[], status={"state": "failed"}) == 200
    wrong = status(deployment) | {
        "components": [{"name": "mixer", "state": "failed"}, {"name": "Mixer", "state": "failed"}]
    }
    answer = client.http.post(f"{MANIFEST}/{deployment}/status", json=wrong)
    assert_problem(answer, 422, "semantic-error")
    assert [error["field"] for error in answer.json()["errors"]] == ["/components/1/name"]


def test_first_fault_is_named(client: Client) -> None:
    """The body, the deployment, the ids and the components in this order."""
    deployment = client.assign()
    wrong = {"components": [{"name": "x", "state": "failed"}], "deploymentId": UNKNOWN}
    answer = client.http.post(f"{MANIFEST}/{deployment}/status", json=status(deployment) | wrong)
    assert answer.json()["errors"][0]["field"] == "/deploymentId"
    answer = client.http.post(f"{MANIFEST}/{UNKNOWN}/status", json=status(deployment))
    assert_problem(answer, 404, "deployment-not-found")


def test_unknown_members_do_no_harm(client: Client) -> None:
    """At every level."""
    deployment = client.assign()
    report = {**status(deployment), "progress": 0.5, "x": {"y": []}}
    report["status"] |= {"since": "yesterday"}
    report["components"][0] |= {"pods": 3}
    assert client.http.post(f"{MANIFEST}/{deployment}/status", json=report).status_code == 201
    assert shown(client, deployment) == report


def test_body_of_the_size_that_everybody_may_send(client: Client) -> None:
    """262144 bytes."""
    deployment = client.assign()
    report = status(deployment) | {"padding": ""}
    length = len(client.http.build_request("POST", "/", json=report).content)
    assert send(client, deployment, padding="x" * (262144 - length)) == 201


def test_version_may_be_written_as_a_fraction_of_one(client: Client) -> None:
    """JSON Schema takes `2.0` for a whole number."""
    deployment = client.assign()
    body = json.dumps(status(deployment)).replace('"adoptedManifestVersion": 2', '"adoptedManifestVersion": 2.0')
    headers = {"content-type": "application/json"}
    assert client.http.post(f"{MANIFEST}/{deployment}/status", content=body, headers=headers).status_code == 201
    assert client.view()["deployments"][0]["status"] == status(deployment)
