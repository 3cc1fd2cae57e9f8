"""Situations around connections (connectivity.md)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from wos_conformance.drive import sample
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
    _poll_during(clients, wos.restart)
    for client in clients:
        wos.need(client.poll(), 200)


def _poll_during(clients: list[Client], happen: Callable[[], None]) -> None:
    """Let all clients poll, each on its own connection and with the tag that it holds, while something happens."""

    def poll(client: Client) -> None:
        tag = None
        for _ in range(_POLLS):
            tag = client.poll(tag).header("etag") or tag

    with ThreadPoolExecutor(len(clients)) as company:
        polls = [company.submit(poll, client) for client in clients]
        happen()
        for asked in polls:
            asked.result()
