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

from sqlalchemy import Connection, Engine, delete, insert, select, update

from wos_reference.wos import artifact
from wos_reference.wos.artifact import Deployment
from wos_reference.wos.lock import lock
from wos_reference.wos.placement import check_fit, choose_device
from wos_reference.wos.storage import artifacts, clients, deployments, devices, manifests, requests, version_text

LARGEST_VERSION = 2**64 - 1
BUNDLE = "bundle"


class Conflict(Exception):
    """What was asked for does not fit to what is there."""


class Fleet:
    """All clients of one WOS."""

    def __init__(self, engine: Engine) -> None:
        self._reading = engine
        self._writing = engine.execution_options(writes=True)

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """One transaction; whoever changes the same client waits for its end."""
        with self._writing.begin() as connection:
            yield connection

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._reading.connect() as connection:
            yield connection

    # clients

    def admit(self, connection: Connection, spiffe_id: str) -> None:
        """Accept a client; a new one gets its first manifest."""
        lock(connection, spiffe_id)
        known = connection.execute(select(clients.c.admitted).where(clients.c.spiffe_id == spiffe_id)).first()
        if known is None:
            row = {"spiffe_id": spiffe_id, "admitted": True, "version": version_text(0), "floor": version_text(0)}
            connection.execute(insert(clients).values(row))
            self.publish(connection, spiffe_id)
        else:
            connection.execute(update(clients).where(clients.c.spiffe_id == spiffe_id).values(admitted=True))

    def retire(self, connection: Connection, spiffe_id: str) -> None:
        """Accept a client no longer."""
        lock(connection, spiffe_id)
        connection.execute(update(clients).where(clients.c.spiffe_id == spiffe_id).values(admitted=False))

    def accepts(self, spiffe_id: str) -> bool:
        """Whether the policy accepts this client now."""
        with self.look() as connection:
            found = connection.execute(select(clients.c.admitted).where(clients.c.spiffe_id == spiffe_id)).scalar()
        return bool(found)

    def saw(self, spiffe_id: str, at: int) -> None:
        """A client has asked for its manifest."""
        with self.change() as connection:
            connection.execute(update(clients).where(clients.c.spiffe_id == spiffe_id).values(seen_at=at))

    # devices

    def keep_device(self, spiffe_id: str, device_id: str, document: Any) -> bool:
        """Keep the capabilities of a device; whether it was unknown before."""
        key = (devices.c.spiffe_id == spiffe_id, devices.c.device_id == device_id)
        content = {"document": json.dumps(document), "announced_at": int(time.time())}
        with self.change() as connection:
            lock(connection, spiffe_id)
            if connection.execute(update(devices).where(*key).values(content)).rowcount:
                return False
            row = {"spiffe_id": spiffe_id, "device_id": device_id}
            connection.execute(insert(devices).values(row | content))
            return True

    def forget_device(self, spiffe_id: str, device_id: str) -> bool:
        """Forget a device; whether it was known."""
        key = (devices.c.spiffe_id == spiffe_id, devices.c.device_id == device_id)
        with self.change() as connection:
            lock(connection, spiffe_id)
            return bool(connection.execute(delete(devices).where(*key)).rowcount)

    # deployments

    def assign(self, connection: Connection, spiffe_id: str, deployment: Deployment) -> str:
        """Add a deployment; its id is chosen here.

        Raises:
            Conflict: the client, its device or the profile is unknown.
            NotPlaceable: the device does not fit, or none does if none is named.
        """
        lock(connection, spiffe_id)
        if connection.execute(select(clients.c.version).where(clients.c.spiffe_id == spiffe_id)).first() is None:
            raise Conflict(f"no client {spiffe_id} was ever admitted")
        device_id = deployment.device_id or choose_device(connection, spiffe_id, _profile(deployment))
        check_fit(connection, spiffe_id, device_id, _profile(deployment))
        chosen = replace(deployment, id=str(uuid4()), device_id=device_id)
        row = {"id": chosen.id, "spiffe_id": spiffe_id, "withdrawn": False, "changed_in": version_text(0)}
        connection.execute(insert(deployments).values(row | _content(chosen)))
        self.publish(connection, spiffe_id)
        return chosen.id

    def change_deployment(self, connection: Connection, deployment_id: str, changes: dict[str, Any]) -> None:
        """Replace members of an assignment; the id stays.

        Raises:
            Conflict: there is no such deployment, it was withdrawn, or the profile is unknown.
            NotPlaceable: its device does not fit any more.
        """
        spiffe_id, known = self._assigned(connection, deployment_id)
        changed = replace(known, **changes)
        check_fit(connection, spiffe_id, known.device_id, _profile(changed))
        content = _content(changed)
        if content["document"] != artifact.document(known):
            content["changed_in"] = version_text(0)
        connection.execute(update(deployments).where(deployments.c.id == deployment_id).values(content))
        self.publish(connection, spiffe_id)

    def withdraw(self, connection: Connection, deployment_id: str) -> None:
        """Take a deployment out of the desired state.

        Raises:
            Conflict: there is no such deployment, or it was withdrawn.
        """
        spiffe_id, _ = self._assigned(connection, deployment_id)
        connection.execute(update(deployments).where(deployments.c.id == deployment_id).values(withdrawn=True))
        self.publish(connection, spiffe_id)

    def _assigned(self, connection: Connection, deployment_id: str) -> tuple[str, Deployment]:
        found = select(deployments).where(deployments.c.id == deployment_id)
        row = connection.execute(found).first()
        if row is not None:
            lock(connection, row.spiffe_id)
            row = connection.execute(found).first()
        if row is None or row.withdrawn:
            raise Conflict(f"there is no deployment {deployment_id}")
        return row.spiffe_id, Deployment(**json.loads(row.assignment))

    # manifests

    def set_floor(self, connection: Connection, spiffe_id: str, version: int) -> None:
        """The next manifest has a greater version than this."""
        lock(connection, spiffe_id)
        floor = version_text(version)
        connection.execute(update(clients).where(clients.c.spiffe_id == spiffe_id).values(floor=floor))

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
        if published and self._manifest(connection, spiffe_id, client.version) == artifact.manifest(
            published, documents, archive
        ):
            return
        version = next_version(published, int(client.floor))
        self._store(connection, spiffe_id, version, documents, archive)

    def _store(
        self,
        connection: Connection,
        spiffe_id: str,
        version: int,
        documents: dict[str, bytes],
        archive: bytes | None,
    ) -> None:
        for name, content in [*documents.items(), *([(BUNDLE, archive)] if archive else [])]:
            row = {"spiffe_id": spiffe_id, "name": name, "digest": artifact.digest_of(content)}
            if connection.execute(select(artifacts.c.name).filter_by(**row)).first() is None:
                connection.execute(insert(artifacts).values(content=content, **row))
        content = artifact.manifest(version, documents, archive)
        row = {"spiffe_id": spiffe_id, "version": version_text(version)}
        connection.execute(insert(manifests).values(content=content, **row))
        stored = update(clients).where(clients.c.spiffe_id == spiffe_id)
        connection.execute(stored.values(version=version_text(version)))
        changed = deployments.c.spiffe_id == spiffe_id, deployments.c.changed_in == version_text(0)
        connection.execute(update(deployments).where(*changed).values(changed_in=version_text(version)))

    def manifest(self, spiffe_id: str) -> bytes:
        """The current manifest of a client."""
        with self.look() as connection:
            version = connection.execute(select(clients.c.version).where(clients.c.spiffe_id == spiffe_id)).scalar_one()
            return self._manifest(connection, spiffe_id, version)

    def _manifest(self, connection: Connection, spiffe_id: str, version: str) -> bytes:
        found = select(manifests.c.content).filter_by(spiffe_id=spiffe_id, version=version)
        return bytes(connection.execute(found).scalar_one())

    def artifact(self, spiffe_id: str, name: str, digest: str) -> bytes | None:
        """A document (by deployment id) or a bundle that was ever published to this client."""
        with self.look() as connection:
            found = select(artifacts.c.content).filter_by(spiffe_id=spiffe_id, name=name, digest=digest)
            return connection.execute(found).scalar()

    # status

    def keep_status(self, spiffe_id: str, deployment_id: str, report: Any) -> bool | None:
        """Keep a report; whether it is the first one, None when the client never had the deployment."""
        key = (deployments.c.spiffe_id == spiffe_id, deployments.c.id == deployment_id)
        content = {"status": json.dumps(report), "reported_at": int(time.time())}
        with self.change() as connection:
            lock(connection, spiffe_id)
            row = connection.execute(select(deployments.c.status).where(*key)).first()
            if row is None:
                return None
            connection.execute(update(deployments).where(*key).values(content))
            return row.status is None

    def view(self, spiffe_id: str) -> dict[str, Any]:
        """What the operator sees of a client."""
        with self.look() as connection:
            kept = connection.execute(select(devices).where(devices.c.spiffe_id == spiffe_id)).all()
            assigned = connection.execute(select(deployments).where(deployments.c.spiffe_id == spiffe_id)).all()
        return {
            "devices": [{"deviceId": row.device_id, "capabilities": json.loads(row.document)} for row in kept],
            "deployments": [
                {
                    "deploymentId": row.id,
                    "deviceId": json.loads(row.assignment)["device_id"],
                    "status": json.loads(row.status) if row.status else None,
                }
                for row in assigned
            ],
        }

    # requests of the operator

    def answered(self, connection: Connection, request_id: str) -> dict[str, Any] | None:
        """The answer that a request of this id was given before; none other carries it out meanwhile."""
        lock(connection, f"request {request_id}")
        found = connection.execute(select(requests.c.answer).where(requests.c.request_id == request_id)).scalar()
        return json.loads(found) if found else None

    def remember(self, connection: Connection, request_id: str, answer: dict[str, Any]) -> None:
        """Keep the answer to a request."""
        connection.execute(insert(requests).values(request_id=request_id, answer=json.dumps(answer)))


def next_version(published: int, floor: int) -> int:
    """The version after this one, above the floor.

    Raises:
        Conflict: there is none.
    """
    version = max(published, floor) + 1
    if version > LARGEST_VERSION:
        raise Conflict("the versions of this client are used up")
    return version


def _profile(deployment: Deployment) -> dict[str, Any]:
    try:
        return artifact.profile_of(deployment)
    except KeyError as error:
        raise Conflict(f"the application has no profile {error}") from error


def _content(deployment: Deployment) -> dict[str, Any]:
    return {"assignment": json.dumps(asdict(deployment)), "document": artifact.document(deployment)}
