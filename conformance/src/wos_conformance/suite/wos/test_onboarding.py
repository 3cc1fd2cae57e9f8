"""Situations around how a client comes, goes and returns (onboarding.md)."""

import pytest

from wos_conformance.drive import sample
from wos_conformance.suite.wos.stage import Stage


@pytest.mark.gives("onboarding.return-empty", "onboarding.return-greater-version")
@pytest.mark.needs("admit", "assign", "retire")
def test_client_returns_under_the_same_id(wos: Stage) -> None:
    """A client with a deployment is retired and accepted again; later something is assigned to it anew."""
    client = wos.client()
    wos.assign(client, sample.application(wos.random))
    client.fetch_all(wos.manifest(client))
    wos.retire(client)
    client.poll()
    wos.control("admit", spiffeId=client.spiffe_id)
    first = wos.need(client.poll(), 200)
    client.poll(first.header("etag"))
    wos.need(client.announce(sample.capabilities(wos.random, client.device_id)), 200, 201)
    client.poll()
    wos.assign(client, sample.application(wos.random))
    client.fetch_all(wos.manifest(client))
