"""What is kept of earlier manifests, and for how long (desired-state.superseded-served)."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import func, select
from visited_wos import APPLICATION, capabilities

from wos_reference.wos import publication
from wos_reference.wos.artifact import Deployment
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.storage import artifacts, manifests, open_database

CLIENT = "spiffe://plant.example/margo/wfm/main/client/a"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = time.time()

    def time(self) -> float:
        """Seconds since 1970."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of publications."""
    clock = Clock()
    monkeypatch.setattr(publication, "time", clock)
    return clock


@pytest.fixture
def fleet(new_database: Callable[[], str]) -> Iterator[Fleet]:
    """A fleet with one client and its device."""
    engine = open_database(new_database())
    fleet = Fleet(engine)
    with fleet.change() as connection:
        fleet.admit(connection, CLIENT)
    fleet.keep_device(CLIENT, "press", capabilities("press"))
    yield fleet
    engine.dispose()


def served(fleet: Fleet, manifest: dict[str, Any]) -> bool:
    """Whether everything that a manifest names can be had."""
    named = [(entry["deploymentId"], entry["digest"]) for entry in manifest["deployments"]]
    return all(fleet.artifact(CLIENT, *key) for key in [*named, ("bundle", manifest["bundle"]["digest"])])


def change(fleet: Fleet, deployment: str, rate: int) -> dict[str, Any]:
    """Change the deployment; the manifest after that."""
    with fleet.change() as connection:
        fleet.change_deployment(connection, deployment, {"parameters": {"rate": rate}})
    return dict(json.loads(fleet.manifest(CLIENT)))


def test_superseded_artifacts_stay_for_a_while(fleet: Fleet, clock: Clock) -> None:
    """For more than the 300 seconds that are promised, and not for ever; what comes back stays."""
    with fleet.change() as connection:
        wanted = Deployment("", "press", APPLICATION, "small", {"rate": 1})
        deployment = fleet.assign(connection, CLIENT, wanted)
    first = json.loads(fleet.manifest(CLIENT))
    clock.now += 10_000
    second = change(fleet, deployment, 2)
    clock.now += 301
    third = change(fleet, deployment, 3)
    assert all(served(fleet, manifest) for manifest in (first, second, third))
    again = change(fleet, deployment, 1)
    clock.now += 10_000
    last = change(fleet, deployment, 4)
    assert served(fleet, again)
    assert served(fleet, last)
    assert not served(fleet, second)
    assert not served(fleet, third)
    with fleet.look() as connection:
        kept = [
            connection.execute(select(func.count()).select_from(table)).scalar() for table in (manifests, artifacts)
        ]
    assert kept == [2, 4]
