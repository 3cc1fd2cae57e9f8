"""A WOS that all tests share, and clients of their own."""

from collections.abc import Callable, Iterator

import pytest
from trust_domain import TrustDomain
from visited_wos import Client, Wos


@pytest.fixture(scope="session")
def trust_domain() -> TrustDomain:
    """One for all tests."""
    return TrustDomain()


@pytest.fixture(scope="session")
def wos(trust_domain: TrustDomain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wos]:
    """A WOS that all tests share; each has clients of its own."""
    wos = Wos(tmp_path_factory.mktemp("wos"), trust_domain)
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
