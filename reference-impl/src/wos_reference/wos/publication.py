"""Manifests, documents and bundles as they were published to a client.

What a newer manifest no longer names is kept for a while, because an agent may be in the middle of it
(desired-state.superseded-served).
"""

import time
from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from wos_reference.wos import artifact
from wos_reference.wos.storage import artifacts, clients, deployments, manifests, version_text

_KEPT_SECONDS = 3600
CURRENT = select(manifests.c.content).where(
    manifests.c.spiffe_id == bindparam("client"),
    manifests.c.version
    == select(clients.c.version).where(clients.c.spiffe_id == bindparam("client")).scalar_subquery(),
)
"""Written once, because to write it takes longer than to carry it out."""


def manifest(connection: Connection, spiffe_id: str) -> bytes:
    """The current manifest of a client."""
    return bytes(connection.execute(CURRENT, {"client": spiffe_id}).scalar_one())


def store(
    connection: Connection, spiffe_id: str, version: int, named: Mapping[str, bytes], content: bytes | None
) -> None:
    """Make a manifest the current one, with the artifacts that it names; `content` None is the empty one."""
    now = int(time.time())
    _supersede(connection, spiffe_id, now)
    for name, body in named.items():
        _keep(connection, {"spiffe_id": spiffe_id, "name": name, "digest": artifact.digest_of(body)}, body)
    row = {"spiffe_id": spiffe_id, "version": version_text(version)}
    connection.execute(insert(manifests).values(content=content or artifact.manifest(version, {}, None), **row))
    connection.execute(update(clients).filter_by(spiffe_id=spiffe_id).values(version=version_text(version)))
    changed = update(deployments).filter_by(spiffe_id=spiffe_id, changed_in=version_text(0))
    connection.execute(changed.values(changed_in=version_text(version)))


def _supersede(connection: Connection, spiffe_id: str, now: int) -> None:
    """Everything that is current has been; what was long ago is forgotten."""
    for table in (manifests, artifacts):
        current = table.c.spiffe_id == spiffe_id, table.c.superseded_at.is_(None)
        connection.execute(update(table).where(*current).values(superseded_at=now))
        old = table.c.spiffe_id == spiffe_id, table.c.superseded_at < now - _KEPT_SECONDS
        connection.execute(delete(table).where(*old))


def _keep(connection: Connection, key: dict[str, str], body: bytes) -> None:
    if not connection.execute(update(artifacts).filter_by(**key).values(superseded_at=None)).rowcount:
        connection.execute(insert(artifacts).values(content=body, **key))
