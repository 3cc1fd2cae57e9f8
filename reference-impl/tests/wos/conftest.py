"""A WOS that all tests share, and clients of their own; `WOS_TESTS_ON=postgresql` puts every WOS on a real server."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from postgresql_server import Server, running_postgresql
from trust_domain import TrustDomain
from visited_wos import MANIFEST, Client, Wos


@pytest.fixture(scope="session")
def trust_domain() -> TrustDomain:
    """One for all tests."""
    return TrustDomain()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A server that all tests share."""
    with running_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Makes empty databases and gives their URLs."""
    if os.environ.get("WOS_TESTS_ON") == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        return server.database
    return lambda: f"sqlite:///{tmp_path_factory.mktemp('database') / 'wos.sqlite3'}"


@pytest.fixture(scope="session")
def wos(
    trust_domain: TrustDomain, tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]
) -> Iterator[Wos]:
    """A WOS that all tests share; each has clients of its own."""
    wos = Wos(tmp_path_factory.mktemp("wos"), trust_domain, database=new_database())
    yield wos
    wos.close()


@pytest.fixture
def own_wos(trust_domain: TrustDomain, tmp_path: Path, new_database: Callable[[], str]) -> Iterator[Wos]:
    """A WOS of this test alone."""
    wos = Wos(tmp_path, trust_domain, database=new_database())
    yield wos
    wos.close()


@pytest.fixture
def client_of(request: pytest.FixtureRequest) -> Callable[[Wos, str], Client]:
    """Makes clients whose names no other test has; their devices are announced."""

    def make(wos: Wos, name: str = "one") -> Client:
        client = Client(wos, f"{name}-{abs(hash(request.node.nodeid)):x}")
        assert client.announce().status_code == 201
        return client

    return make


@pytest.fixture
def client(wos: Wos, client_of: Callable[[Wos], Client]) -> Client:
    """A client of the shared WOS."""
    return client_of(wos)


@pytest.fixture
def untouched(client: Client) -> Any:
    """A client with a deployment and a report; afterwards nothing of it has changed."""
    deployment = client.assign()
    assert client.report(deployment).status_code == 201
    before = client.view(), client.http.get(MANIFEST).content
    yield client, deployment
    assert (client.view(), client.http.get(MANIFEST).content) == before
