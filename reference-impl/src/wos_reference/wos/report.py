"""Status reports (status.md): which one is shown, and what a WOS that was set back learns from them."""

import json
import time
from typing import Any

from sqlalchemy import Connection, Row, select, update

from wos_reference.wos.storage import clients, deployments, version_text

_LARGEST_VERSION = 2**64 - 1


def keep(connection: Connection, spiffe_id: str, deployment_id: str, content: Any) -> bool | None:
    """Keep a report; whether it is the first one, None when the client never had the deployment.

    A report about an older version than the one that is shown comes late and changes nothing.
    """
    key = {"spiffe_id": spiffe_id, "id": deployment_id}
    row = connection.execute(select(deployments.c.status).filter_by(**key)).first()
    if row is None:
        return None
    if row.status is None or content["adoptedManifestVersion"] >= json.loads(row.status)["adoptedManifestVersion"]:
        values = {"status": json.dumps(content), "reported_at": int(time.time())}
        connection.execute(update(deployments).filter_by(**key).values(values))
    _learn(connection, spiffe_id, content["adoptedManifestVersion"])
    return row.status is None


def _learn(connection: Connection, spiffe_id: str, adopted: int) -> None:
    """The next version is above everything that the client has adopted (desired-state.version-above-reported)."""
    lower = clients.c.spiffe_id == spiffe_id, clients.c.floor < version_text(adopted)
    if adopted < _LARGEST_VERSION:
        connection.execute(update(clients).where(*lower).values(floor=version_text(adopted)))


def shown(row: Row[Any], now: int) -> dict[str, Any]:
    """What an operator sees of a deployment; never a state that nobody has reported."""
    facts = {
        "deploymentId": row.id,
        "deviceId": json.loads(row.assignment)["device_id"],
        "status": json.loads(row.status) if row.status else None,
    }
    return facts | ({"ageSeconds": max(0, now - row.reported_at)} if row.status else {})
