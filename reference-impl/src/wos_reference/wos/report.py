"""Status reports (status.md): which one is shown, and what a WOS that was set back learns from them."""

import json
import time
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from wos_reference.wos.storage import clients, deployments, version_text

_LARGEST_VERSION = 2**64 - 1
_OF_CLIENT = deployments.c.spiffe_id == bindparam("client"), deployments.c.id == bindparam("deployment")
_KEPT = select(deployments.c.status).where(*_OF_CLIENT)
_KEEP = update(deployments).where(*_OF_CLIENT).values(status=bindparam("content"), reported_at=bindparam("now"))
_BELOW = clients.c.spiffe_id == bindparam("client"), clients.c.floor < bindparam("adopted")
_RAISE = update(clients).where(*_BELOW).values(floor=bindparam("adopted"))


def keep(connection: Connection, spiffe_id: str, deployment_id: str, content: Any) -> bool | None:
    """Keep a report; whether it is the first one, None when the client never had the deployment.

    A report about an older version than the one that is shown comes late and changes nothing.
    A version may be written as `2.0`, which JSON Schema takes for the same number.
    """
    adopted = int(content["adoptedManifestVersion"])
    key = {"client": spiffe_id, "deployment": deployment_id}
    row = connection.execute(_KEPT, key).first()
    if row is None:
        return None
    if row.status is None or adopted >= json.loads(row.status)["adoptedManifestVersion"]:
        kept = json.dumps({**content, "adoptedManifestVersion": adopted})
        connection.execute(_KEEP, {**key, "content": kept, "now": int(time.time())})
    _learn(connection, spiffe_id, adopted)
    return row.status is None


def _learn(connection: Connection, spiffe_id: str, adopted: int) -> None:
    """The next version is above everything that the client has adopted (desired-state.version-above-reported)."""
    if adopted < _LARGEST_VERSION:
        connection.execute(_RAISE, {"client": spiffe_id, "adopted": version_text(adopted)})


def shown(row: Row[Any], now: int) -> dict[str, Any]:
    """What an operator sees of a deployment; never a state that nobody has reported."""
    facts = {
        "deploymentId": row.id,
        "deviceId": json.loads(row.assignment)["device_id"],
        "status": json.loads(row.status) if row.status else None,
    }
    return facts | ({"ageSeconds": max(0, now - row.reported_at)} if row.status else {})
