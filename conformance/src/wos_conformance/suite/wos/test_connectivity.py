"""Situations around connections (connectivity.md)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from wos_conformance.drive import sample
from wos_conformance.drive.burst import Request
from wos_conformance.drive.client import MANIFEST, MANIFEST_TYPE
from wos_conformance.suite.wos.client import Client
from wos_conformance.suite.wos.stage import Stage

_COMPANY = 6
_POLLS = 10


@pytest.mark.gives("connectivity.keeps-connection", "connectivity.wos-http-version")
def test_client_asks_twice_on_one_connection(wos: Stage) -> None:
    """A client polls twice and then asks for something that is not there, without closing its connection."""
    client = wos.client()
    first = wos.need(client.poll(), 200)
    client.poll(first.header("etag"))
    client.forget("nothing")
    client.poll()


@pytest.mark.gives("connectivity.answers-in-order", "connectivity.wos-http-version")
def test_requests_come_at_once(wos: Stage) -> None:
    """Two requests, each first alone, are written in one piece, in either order; then a poll comes as usual."""
    client = wos.client()
    poll = Request("GET", MANIFEST, [("Accept", MANIFEST_TYPE)])
    nothing = Request("GET", f"/api/v1/bundles/{sample.digest(wos.random)}")
    for request in (poll, nothing):
        client.visitor.request(*request)
    for pair in ((poll, nothing), (nothing, poll)):
        client.visitor.at_once(*pair)
    wos.need(client.poll(), 200)


@pytest.mark.gives("connectivity.answers-in-order", "desired-state.document-digest")
@pytest.mark.needs("assign")
def test_documents_are_asked_for_at_once(wos: Stage) -> None:
    """The documents of four deployments are asked for one after the other, and then all in one piece."""
    client = wos.client()
    for _ in range(4):
        wos.assign(client, sample.application(wos.random))
    entries = wos.manifest(client).deployments
    requests = [Request("GET", f"{MANIFEST}/{entry.deployment_id}/{entry.digest}") for entry in entries]
    for request in requests:
        wos.need(client.visitor.request(*request), 200)
    client.visitor.at_once(*requests, *reversed(requests))
    wos.need(client.poll(), 200)


HIDDEN = b"DELETE /api/v1/nothing HTTP/1.1\r\nHost: wos\r\n\r\n"
REFUSED = {
    "method": ("PATCH", MANIFEST, "application/json"),
    "path": ("PUT", "/api/v1/nothing", "application/json"),
    "media-type": ("PUT", "/api/v1/capabilities/box", "text/plain"),
    "body": ("PUT", "/api/v1/capabilities/box", "application/json"),
}


@pytest.mark.gives("connectivity.answers-in-order")
@pytest.mark.parametrize("reason", REFUSED)
def test_refused_body_is_no_request(wos: Stage, reason: str) -> None:
    """A body that looks like a request is refused; the poll in one piece with it is answered as it was alone."""
    client = wos.client()
    poll = Request("GET", MANIFEST, [("Accept", MANIFEST_TYPE)])
    wos.need(client.visitor.request(*poll), 200)
    method, path, media_type = REFUSED[reason]
    client.visitor.at_once(Request(method, path, [("Content-Type", media_type)], HIDDEN), poll)
    wos.need(client.poll(), 200)


@pytest.mark.gives("connectivity.wos-http-version", "desired-state.manifest-valid", "capabilities.valid-accepted")
def test_request_is_unusual(wos: Stage) -> None:
    """A document comes in chunks, with parameters of its type, and a poll with headers of unusual case."""
    client = wos.client()
    client.announce_in_pieces(sample.capabilities(wos.random, client.device_id))
    client.poll_with(("x-empty", ""), ("CONNECTION", "keep-alive"))


@pytest.mark.gives(
    "desired-state.change-published",
    "desired-state.not-modified",
    "desired-state.modified-served",
    "desired-state.version-grows",
    "identity.scope-isolated",
)
@pytest.mark.needs("assign", "withdraw")
def test_many_poll_while_the_desired_state_changes(wos: Stage) -> None:
    """Six clients poll at once with the tags that they hold; two of them are given something, and one loses it."""
    clients = [wos.client() for _ in range(_COMPANY)]

    def change() -> None:
        deployments = [wos.assign(client, sample.application(wos.random)) for client in clients[:2]]
        wos.withdraw(deployments[0])

    _poll_during(clients, change)
    manifest = wos.manifest(clients[1])
    for client in clients:
        client.poll()
        client.fetch_all(manifest)


@pytest.mark.gives("desired-state.version-grows", "desired-state.version-only-on-change")
@pytest.mark.needs("assign", "restart")
def test_many_poll_while_the_wos_is_restarted(wos: Stage) -> None:
    """Six clients poll at once while the WOS ends without warning; each goes on where it was."""
    clients = [wos.client() for _ in range(_COMPANY)]
    for client in clients[:2]:
        wos.assign(client, sample.application(wos.random))
        client.fetch_all(wos.manifest(client))
    _poll_during(clients, lambda: wos.control("restart"))
    for client in clients:
        wos.need(client.poll(), 200)


def _poll_during(clients: list[Client], happen: Callable[[], object]) -> None:
    """Let all clients poll, each on its own connection and with the tag that it holds, while something happens.

    Meanwhile nobody else may touch their connections.
    """

    def poll(client: Client) -> None:
        tag = None
        for _ in range(_POLLS):
            tag = client.poll(tag).header("etag") or tag

    with ThreadPoolExecutor(len(clients)) as company:
        polls = [company.submit(poll, client) for client in clients]
        happen()
        for asked in polls:
            asked.result()
