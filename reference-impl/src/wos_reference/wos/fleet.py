"""What the WOS knows and decides: clients, devices, deployments, manifests, reports; a change is a transaction.

Several replicas may share one database: whoever changes a client holds its lock, so that
its versions follow one another.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from wos_reference.wos import artifact, device, publication, relation, report
from wos_reference.wos.artifact import Deployment
from wos_reference.wos.lock import lock, turn
from wos_reference.wos.lookup import Lookup
from wos_reference.wos.placement import check_type, choose_device
from wos_reference.wos.relation import Retired
from wos_reference.wos.storage import artifacts, clients, deployments, devices, version_text

LARGEST_VERSION = 2**64 - 1
BUNDLE = "bundle"
_UNPUBLISHED = version_text(0)
_COMPONENTS = select(deployments.c.components).where(
    deployments.c.spiffe_id == bindparam("client"), deployments.c.id == bindparam("deployment")
)
_ARTIFACT = select(artifacts.c.content).where(
    artifacts.c.spiffe_id == bindparam("client"),
    artifacts.c.name == bindparam("name"),
    artifacts.c.digest == bindparam("digest"),
)
"""What requests look up is written once, because to write a statement takes longer than to carry it out."""


class Conflict(Exception):
    """What was asked for does not fit to what is there."""


class Fleet:
    """All clients of one WOS."""

    def __init__(self, engine: Engine) -> None:
        self._reading = engine
        self._writing = engine.execution_options(writes=True)
        self._turn = turn(engine)
        self.lookup = Lookup(engine)

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """One transaction; whoever changes the same client waits for its end."""
        with self._turn, self._writing.begin() as connection:
            yield connection

    @contextmanager
    def change_by(self, spiffe_id: str) -> Iterator[Connection]:
        """One transaction for a client that was let in.

        Raises:
            Retired: it was retired since.
        """
        with self.change() as connection:
            lock(connection, spiffe_id)
            relation.check(connection, spiffe_id)
            yield connection

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._reading.connect() as connection:
            yield connection

    # clients

    def admit(self, connection: Connection, spiffe_id: str) -> None:
        """Accept a client; a new one, and one that returns, gets an empty manifest (onboarding.md)."""
        lock(connection, spiffe_id)
        client = connection.execute(select(clients).where(clients.c.spiffe_id == spiffe_id)).first()
        if client is None:
            row = {"spiffe_id": spiffe_id, "admitted": True, "version": version_text(0), "floor": version_text(0)}
            connection.execute(insert(clients).values(row))
            self.publish(connection, spiffe_id)
        elif not client.admitted:
            connection.execute(update(clients).where(clients.c.spiffe_id == spiffe_id).values(admitted=True))
            version = next_version(int(client.version), int(client.floor))
            publication.store(connection, spiffe_id, version, {}, None)

    def retire(self, connection: Connection, spiffe_id: str) -> None:
        """Accept a client no longer; nothing of it stays but how far its versions have come.

        Raises:
            Conflict: there is no such client.
        """
        lock(connection, spiffe_id)
        retired = update(clients).where(clients.c.spiffe_id == spiffe_id).values(admitted=False)
        if not connection.execute(retired).rowcount:
            raise Conflict(f"no client {spiffe_id} was ever admitted")
        relation.end(connection, spiffe_id)

    def accepts(self, spiffe_id: str) -> bool:
        """Whether the policy accepts this client now."""
        found = self.lookup.first(relation.ADMITTED, {"client": spiffe_id})
        return found is not None and bool(found[0])

    def saw(self, seen: dict[str, int]) -> None:
        """Clients have asked for their manifests, each at a time in seconds since 1970."""
        noted = update(clients).where(clients.c.spiffe_id == bindparam("client")).values(seen_at=bindparam("at"))
        with self.change() as connection:
            connection.execute(noted, [{"client": client, "at": seen[client]} for client in sorted(seen)])

    # devices

    def keep_device(self, spiffe_id: str, device_id: str, document: Any) -> bool:
        """Keep the capabilities of a device; whether it was unknown before.

        Raises:
            GatewayUnknown: it is a child, and none of its gateways is kept.
            Retired: the client was retired since it was let in.
        """
        with self.change_by(spiffe_id) as connection:
            return device.keep(connection, spiffe_id, device_id, document)

    def forget_device(self, spiffe_id: str, device_id: str) -> bool:
        """Forget a device, its children and the deployments of all of them; whether it was known."""
        with self.change_by(spiffe_id) as connection:
            if not device.forget(connection, spiffe_id, device_id):
                return False
            self.withdraw_from(connection, spiffe_id, device_id)
            return True

    def withdraw_from(self, connection: Connection, spiffe_id: str, device_id: str) -> None:
        """Take the deployments of a device and of its children out of the desired state."""
        current = select(deployments.c.id, deployments.c.assignment).filter_by(spiffe_id=spiffe_id, withdrawn=False)
        gone = [
            row.id
            for row in connection.execute(current)
            if device.is_within(json.loads(row.assignment)["device_id"], device_id)
        ]
        if gone:
            connection.execute(update(deployments).where(deployments.c.id.in_(gone)).values(withdrawn=True))
            self.publish(connection, spiffe_id)

    # deployments

    def assign(self, connection: Connection, spiffe_id: str, deployment: Deployment) -> str:
        """Add a deployment, to the first device that fits if none is named; its id is chosen here.

        Raises:
            Conflict: the client is not accepted, or the application has no such profile or parameter.
            NotPlaceable: the device is unknown or does not take the type, or none fits.
        """
        lock(connection, spiffe_id)
        if not _admitted(connection, spiffe_id):
            raise Conflict(f"the client {spiffe_id} is not accepted")
        _check_parameters(deployment)
        profile = _profile(deployment)
        device_id = deployment.device_id or choose_device(connection, spiffe_id, profile)
        check_type(connection, spiffe_id, device_id, profile)
        chosen = replace(deployment, id=str(uuid4()), device_id=device_id)
        connection.execute(insert(deployments).values(stored(spiffe_id, chosen)))
        self.publish(connection, spiffe_id)
        return chosen.id

    def change_deployment(self, connection: Connection, deployment_id: str, changes: dict[str, Any]) -> None:
        """Replace members of an assignment; the id stays.

        Raises:
            Conflict: there is no such deployment, it was withdrawn, or the profile or a parameter is unknown.
            NotPlaceable: its device does not take the type.
        """
        spiffe_id, known, components = self._assigned(connection, deployment_id)
        changed = replace(known, **changes)
        if "parameters" in changes:
            _check_parameters(changed)
        check_type(connection, spiffe_id, known.device_id, _profile(changed))
        content = _content(changed, components)
        if content["document"] != artifact.document(known):
            content["changed_in"] = _UNPUBLISHED
        connection.execute(update(deployments).where(deployments.c.id == deployment_id).values(content))
        self.publish(connection, spiffe_id)

    def withdraw(self, connection: Connection, deployment_id: str) -> None:
        """Take a deployment out of the desired state.

        Raises:
            Conflict: there is no such deployment, or it was withdrawn.
        """
        spiffe_id, _, _ = self._assigned(connection, deployment_id)
        connection.execute(update(deployments).where(deployments.c.id == deployment_id).values(withdrawn=True))
        self.publish(connection, spiffe_id)

    def _assigned(self, connection: Connection, deployment_id: str) -> tuple[str, Deployment, set[str]]:
        found = select(deployments).where(deployments.c.id == deployment_id)
        row = connection.execute(found).first()
        if row is not None:
            lock(connection, row.spiffe_id)
            row = connection.execute(found).first()
        if row is None or row.withdrawn:
            raise Conflict(f"there is no deployment {deployment_id}")
        return row.spiffe_id, Deployment(**json.loads(row.assignment)), set(json.loads(row.components))

    # manifests

    def set_floor(self, connection: Connection, spiffe_id: str, version: int) -> None:
        """The next manifest has a greater version than this.

        Raises:
            Conflict: there is no such client.
        """
        lock(connection, spiffe_id)
        floor = connection.execute(select(clients.c.floor).where(clients.c.spiffe_id == spiffe_id)).scalar()
        if floor is None:
            raise Conflict(f"no client {spiffe_id} was ever admitted")
        raised = update(clients).where(clients.c.spiffe_id == spiffe_id)
        connection.execute(raised.values(floor=max(floor, version_text(version))))

    def publish(self, connection: Connection, spiffe_id: str) -> None:
        """Make the next manifest if the desired state differs from the one that is published.

        Raises:
            Conflict: the versions are used up.
        """
        current = select(deployments.c.id, deployments.c.document)
        rows = connection.execute(current.where(deployments.c.spiffe_id == spiffe_id, ~deployments.c.withdrawn))
        documents = {row.id: row.document for row in rows}
        archive = artifact.bundle(documents) if documents else None
        client = connection.execute(select(clients).where(clients.c.spiffe_id == spiffe_id)).one()
        published = int(client.version)
        if published and publication.manifest(connection, spiffe_id) == artifact.manifest(
            published, documents, archive
        ):
            return
        version = next_version(published, int(client.floor))
        named = documents | ({BUNDLE: archive} if archive else {})
        publication.store(connection, spiffe_id, version, named, artifact.manifest(version, documents, archive))

    def manifest(self, spiffe_id: str) -> bytes:
        """The current manifest of a client.

        Raises:
            Retired: it was retired after it had been let in.
        """
        found = self.lookup.first(publication.CURRENT, {"client": spiffe_id})
        if found is None:
            raise Retired(spiffe_id)
        return bytes(found[0])

    def artifact(self, spiffe_id: str, name: str, digest: str) -> bytes | None:
        """A document (by deployment id) or a bundle that is or was published to this client."""
        found = self.lookup.first(_ARTIFACT, {"client": spiffe_id, "name": name, "digest": digest})
        return None if found is None else bytes(found[0])

    # status

    def components_of(self, spiffe_id: str, deployment_id: str) -> set[str] | None:
        """All components that a deployment ever had; None when the client never had the deployment."""
        found = self.lookup.first(_COMPONENTS, {"client": spiffe_id, "deployment": deployment_id})
        return None if found is None else set(json.loads(found[0]))

    def keep_status(self, spiffe_id: str, deployment_id: str, content: Any) -> bool | None:
        """Keep a report; whether it is the first one, None when the client never had the deployment."""
        with self.change_by(spiffe_id) as connection:
            return report.keep(connection, spiffe_id, deployment_id, content)

    def view(self, spiffe_id: str) -> dict[str, Any]:
        """What the operator sees of a client."""
        with self.look() as connection:
            kept = connection.execute(select(devices).where(devices.c.spiffe_id == spiffe_id)).all()
            assigned = connection.execute(select(deployments).where(deployments.c.spiffe_id == spiffe_id)).all()
        return {
            "devices": [{"deviceId": row.device_id, "capabilities": json.loads(row.document)} for row in kept],
            "deployments": [report.shown(row, int(time.time())) for row in assigned],
        }


def next_version(published: int, floor: int) -> int:
    """The version after this one, above the floor.

    Raises:
        Conflict: there is none.
    """
    version = max(published, floor) + 1
    if version > LARGEST_VERSION:
        raise Conflict("the versions of this client are used up")
    return version


def _admitted(connection: Connection, spiffe_id: str) -> bool:
    return bool(connection.execute(relation.ADMITTED, {"client": spiffe_id}).scalar())


def _check_parameters(deployment: Deployment) -> None:
    if unknown := set(deployment.parameters) - set(deployment.application.get("parameters", {})):
        raise Conflict(f"the application has no parameters {sorted(unknown)}")


def _profile(deployment: Deployment) -> dict[str, Any]:
    try:
        return artifact.profile_of(deployment)
    except KeyError as error:
        raise Conflict(f"the application has no profile {error}") from error


def stored(spiffe_id: str, deployment: Deployment) -> dict[str, Any]:
    """The row of a deployment that is new; the next manifest names it."""
    row = {"id": deployment.id, "spiffe_id": spiffe_id, "withdrawn": False, "changed_in": _UNPUBLISHED}
    return row | _content(deployment, set())


def _content(deployment: Deployment, components: set[str]) -> dict[str, Any]:
    """What is stored of an assignment, with the components that it had before."""
    names = components | {component["name"] for component in _profile(deployment)["components"]}
    return {
        "assignment": json.dumps(asdict(deployment)),
        "document": artifact.document(deployment),
        "components": json.dumps(sorted(names)),
    }
