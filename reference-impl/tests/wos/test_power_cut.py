"""A WOS is killed and started again: whatever it has answered is still so."""

import time
from collections.abc import Callable

import httpx
from visited_wos import MANIFEST, PATIENCE, Client, Wos


def test_nothing_that_was_answered_is_lost(own_wos: Wos, client_of: Callable[..., Client]) -> None:
    """Clients, devices, deployments, versions, reports; the same bytes under the same tag."""
    client = client_of(own_wos)
    kept, withdrawn = client.assign(), client.assign()
    own_wos.do("withdraw", deploymentId=withdrawn)
    client.report(kept)
    before = client.http.get(MANIFEST)
    shown = client.view()
    own_wos.kill()
    own_wos.start()
    client.reconnect()
    after = client.http.get(MANIFEST)
    assert (after.content, after.headers["etag"]) == (before.content, before.headers["etag"])
    assert client.view() == shown
    assert client.announce().status_code == 200
    assert client.report(kept).status_code == 200
    for url in (after.json()["bundle"]["url"], after.json()["deployments"][0]["url"]):
        assert client.http.get(url).status_code == 200


def test_kill_after_each_change(own_wos: Wos, client_of: Callable[..., Client]) -> None:
    """The version never goes back, and every answered assignment is there."""
    client = client_of(own_wos)
    wanted: set[str] = set()
    version = 0
    for _ in range(4):
        wanted.add(client.assign())
        own_wos.kill()
        own_wos.start()
        client.reconnect()
        manifest = client.manifest()
        assert {entry["deploymentId"] for entry in manifest["deployments"]} == wanted
        assert manifest["manifestVersion"] > version
        version = manifest["manifestVersion"]


def test_restart_by_the_operator_is_done_once(own_wos: Wos, client_of: Callable[..., Client]) -> None:
    """202 first, 200 when it serves again; the same request does not restart it twice."""
    client = client_of(own_wos)
    deployment = client.assign()
    request = {"requestId": "again"}
    assert own_wos.operator.post("/control/v1/restart", json=request).status_code == 202
    deadline = time.monotonic() + PATIENCE
    while restarted(own_wos, request) != 200:
        assert time.monotonic() < deadline
    client.reconnect()
    assert [entry["deploymentId"] for entry in client.manifest()["deployments"]] == [deployment]


def restarted(wos: Wos, request: dict[str, str]) -> int:
    """The status that the same request is answered with now; 0 while nobody listens."""
    try:
        return wos.operator.post("/control/v1/restart", json=request).status_code
    except httpx.TransportError:
        return 0
