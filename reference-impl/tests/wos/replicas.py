"""Several replicas of a WOS over one PostgreSQL (`make test-postgresql`)."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from postgresql_server import Server
from trust_domain import Credential, TrustDomain
from visited_wos import MANIFEST, PATIENCE, Client, Wos

EACH = 12
T = TypeVar("T")
R = TypeVar("R")


@pytest.fixture
def replicas(trust_domain: TrustDomain, tmp_path: Path, postgresql: Server) -> Iterator[list[Wos]]:
    """Two processes over one empty database."""
    database = postgresql.database()
    started: list[Wos] = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        started.append(Wos(tmp_path / name, trust_domain, database=database))
    yield started
    for wos in started:
        wos.close()


@pytest.fixture
def both(replicas: list[Wos], client_of: Callable[[Wos], Client]) -> list[Client]:
    """One client that visits either replica."""
    first = client_of(replicas[0])
    second = Client(replicas[1], first.spiffe_id.rpartition("/")[2])
    assert second.announce().status_code == 200
    return [first, second]


def at_once(action: Callable[[T], R], arguments: list[T]) -> list[R]:
    """Do it for all of them at the same time."""
    barrier = threading.Barrier(len(arguments))

    def begin(argument: T) -> R:
        barrier.wait(PATIENCE)
        return action(argument)

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(begin, arguments))


def changes(client: Client) -> set[str]:
    """Assign, change and withdraw; what is left."""
    left = set()
    for turn in range(EACH):
        deployment = client.assign()
        client.wos.do("update", deploymentId=deployment, parameters={"rate": 100 + turn})
        if turn % 3:
            left.add(deployment)
        else:
            client.wos.do("withdraw", deploymentId=deployment)
    return left


def test_versions_of_a_client_are_one_sequence(both: list[Client]) -> None:
    """Every change has a version of its own, whichever replica made it, and nothing acknowledged is missing."""
    done = threading.Event()
    seen: list[int] = []

    def poll() -> None:
        visits = cycle(both)
        while not done.is_set():
            seen.append(next(visits).manifest()["manifestVersion"])

    watcher = threading.Thread(target=poll)
    watcher.start()
    left = set().union(*at_once(changes, [*both, *both]))
    done.set()
    watcher.join()
    withdrawn = sum(1 for turn in range(EACH) if not turn % 3)
    first, second = (client.http.get(MANIFEST) for client in both)
    assert first.content == second.content
    assert {entry["deploymentId"] for entry in first.json()["deployments"]} == left
    assert first.json()["manifestVersion"] == 1 + 4 * (2 * EACH + withdrawn)
    assert seen == sorted(seen)


def test_device_is_new_once(both: list[Client]) -> None:
    """Both replicas hear of it at the same moment."""
    path = f"/api/v1/capabilities/{both[0].device_id}"
    for _ in range(10):
        assert both[0].http.delete(path).status_code == 204
        answers = at_once(lambda client: client.announce().status_code, both)
        assert sorted(answers) == [200, 201]


def test_client_is_admitted_once(replicas: list[Wos]) -> None:
    """It has one first manifest."""
    for number in range(10):
        spiffe_id = f"spiffe://plant.example/margo/wfm/main/client/new-{number}"
        at_once(lambda wos, name=spiffe_id: wos.do("admit", spiffeId=name), replicas)


def test_request_is_carried_out_once(both: list[Client]) -> None:
    """Also when both replicas are asked at the same moment."""
    names = at_once(lambda client: client.assign(requestId="the same"), both)
    assert names[0] == names[1]
    assert len(both[0].manifest()["deployments"]) == 1


def test_retired_here_is_refused_there(both: list[Client]) -> None:
    """The policy is one."""
    assert both[1].http.get(MANIFEST).status_code == 200
    both[0].wos.do("retire", spiffeId=both[0].spiffe_id)
    assert both[1].http.get(MANIFEST).status_code == 403


def test_other_replica_goes_on_when_one_is_killed(both: list[Client]) -> None:
    """And nothing that the killed one acknowledged is missing."""
    kept = {client.assign() for client in both}
    both[0].wos.kill()
    kept.add(both[1].assign())
    assert {entry["deploymentId"] for entry in both[1].manifest()["deployments"]} == kept
    both[0].wos.start()
    both[0].reconnect()
    assert both[0].manifest() == both[1].manifest()


def test_lost_connections_are_made_anew(both: list[Client], postgresql: Server) -> None:
    """The server ends all of them, as it does when it restarts."""
    both[0].assign()
    postgresql.end_connections()
    deadline = time.monotonic() + PATIENCE
    while (answer := both[0].http.get(MANIFEST)).status_code != 200:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert time.monotonic() < deadline
    assert len(answer.json()["deployments"]) == 1


def test_other_roots_reach_every_replica(both: list[Client]) -> None:
    """Within a moment."""
    other = TrustDomain()
    twin = other.issue(both[0].spiffe_id)
    both[0].wos.do("rotate_trust", trustBundlePem=other.root.certificate_pem.decode())
    for client in both:
        deadline = time.monotonic() + PATIENCE
        while not answered(client.wos, twin):
            assert time.monotonic() < deadline
        assert not answered(client.wos, client.credential)


def answered(wos: Wos, credential: Credential) -> bool:
    """Whether somebody who shows this certificate is answered."""
    try:
        return wos.visitor(credential).get(MANIFEST).status_code == 200
    except httpx.TransportError:
        return False
