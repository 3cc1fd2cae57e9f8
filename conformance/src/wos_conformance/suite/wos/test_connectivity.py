"""Situations around connections (connectivity.md)."""

import pytest

from wos_conformance.drive import sample
from wos_conformance.suite.wos.stage import Stage


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
