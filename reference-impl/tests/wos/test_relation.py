"""The end of a relation, and what a client finds that returns under the same id (onboarding.md)."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import func, select
from visited_wos import APPLICATION, MANIFEST, Client, assert_problem, capabilities, status

from wos_reference.wos import enrolment, storage
from wos_reference.wos.artifact import Deployment
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.relation import Retired

CLIENT = "spiffe://plant.example/margo/wfm/main/client/a"
ITS_OWN = [storage.devices, storage.deployments, storage.manifests, storage.artifacts, storage.enrolments]


@pytest.fixture
def fleet(new_database: Callable[[], str]) -> Iterator[Fleet]:
    """A fleet with one client that has one of everything."""
    engine = storage.open_database(new_database())
    fleet = Fleet(engine)
    with fleet.change() as connection:
        fleet.admit(connection, CLIENT)
        enrolment.new_code(connection, CLIENT, approval=False)
    fleet.keep_device(CLIENT, "press", capabilities("press"))
    with fleet.change() as connection:
        fleet.assign(connection, CLIENT, Deployment("", "press", APPLICATION, "small", {}))
    yield fleet
    engine.dispose()


def rows(fleet: Fleet) -> list[int]:
    """How many rows there are of all that is a client's own."""
    with fleet.look() as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in ITS_OWN]


def test_nothing_stays_but_the_count_of_versions(fleet: Fleet) -> None:
    """Devices, deployments with their reports, manifests, documents, bundles and codes go."""
    assert all(rows(fleet))
    with fleet.change() as connection:
        fleet.retire(connection, CLIENT)
    assert rows(fleet) == [0, 0, 0, 0, 0]
    with fleet.look() as connection:
        assert int(connection.execute(select(storage.clients.c.version)).scalar_one()) == 2


def test_request_that_was_on_its_way_changes_nothing(fleet: Fleet) -> None:
    """It was let in before its client was retired."""
    with fleet.change() as connection:
        fleet.retire(connection, CLIENT)
    for late in (
        lambda: fleet.keep_device(CLIENT, "press", capabilities("press")),
        lambda: fleet.forget_device(CLIENT, "press"),
        lambda: fleet.keep_status(CLIENT, "7c1d9a52-9d4e-4c1e-9a39-2f64f7d0a6b1", status("x")),
        lambda: fleet.manifest(CLIENT),
    ):
        with pytest.raises(Retired):
            late()
    assert rows(fleet) == [0, 0, 0, 0, 0]


def test_operator_is_shown_nothing_of_a_retired_client(client: Client) -> None:
    """Neither devices nor deployments, also when it is accepted again."""
    client.report(client.assign())
    for verb in ("retire", "admit"):
        client.wos.do(verb, spiffeId=client.spiffe_id)
        assert client.view() == {"devices": [], "deployments": []}


def test_client_that_returns_never_had_anything(client: Client) -> None:
    """Its first announcement, old documents and bundles, and late reports."""
    deployment = client.assign()
    manifest = client.manifest()
    client.wos.do("retire", spiffeId=client.spiffe_id)
    client.wos.do("admit", spiffeId=client.spiffe_id)
    assert client.wos.operator.post("/control/v1/assign", json=client.assignment()).status_code == 409
    assert_problem(client.http.get(manifest["deployments"][0]["url"]), 404, "deployment-not-found")
    assert_problem(client.http.get(manifest["bundle"]["url"]), 404, "invalid-bundle")
    assert_problem(client.report(deployment), 404, "deployment-not-found")
    assert_problem(client.withdraw_device(), 404, "device-not-found")
    assert [client.announce().status_code for _ in (1, 2)] == [201, 200]
    assert client.report(client.assign()).status_code == 201


def test_what_the_reports_have_taught_stays(client: Client) -> None:
    """The first manifest after the return is above every version that the client has had."""
    deployment = client.assign()
    ahead = status(deployment) | {"adoptedManifestVersion": 1000}
    assert client.http.post(f"{MANIFEST}/{deployment}/status", json=ahead).status_code == 201
    client.wos.do("retire", spiffeId=client.spiffe_id)
    client.wos.do("admit", spiffeId=client.spiffe_id)
    assert client.manifest()["manifestVersion"] == 1001
