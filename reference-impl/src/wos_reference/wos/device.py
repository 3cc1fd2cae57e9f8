"""Devices and the gateways in front of them (capabilities.md): a child's id begins with the segments of its gateway."""

import json
import time
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from wos_reference.wos.storage import devices


class GatewayUnknown(Exception):
    """A child was announced before its gateway."""


def parents_of(device_id: str) -> list[str]:
    """The ids of all devices that a device may stand behind."""
    segments = device_id.split("/")
    return ["/".join(segments[:count]) for count in range(1, len(segments))]


def is_within(device_id: str, other: str) -> bool:
    """Whether a device is another one, or a child of it; `hall/*` is meant for a child of `hall`."""
    return device_id == other or device_id.startswith(f"{other}/")


def keep(connection: Connection, spiffe_id: str, device_id: str, document: Any) -> bool:
    """Keep the capabilities of a device; whether it was unknown before.

    Raises:
        GatewayUnknown: it is a child, and none of its gateways is kept.
    """
    parents = parents_of(device_id)
    kept = select(devices.c.device_id).where(devices.c.spiffe_id == spiffe_id, devices.c.device_id.in_(parents))
    if parents and connection.execute(kept).first() is None:
        raise GatewayUnknown(device_id)
    content = {"document": json.dumps(document), "announced_at": int(time.time())}
    key = {"spiffe_id": spiffe_id, "device_id": device_id}
    if connection.execute(update(devices).filter_by(**key).values(content)).rowcount:
        return False
    connection.execute(insert(devices).values(key | content))
    return True


def forget(connection: Connection, spiffe_id: str, device_id: str) -> bool:
    """Forget a device and its children; whether it was known."""
    known = connection.execute(select(devices.c.device_id).filter_by(spiffe_id=spiffe_id)).scalars().all()
    if device_id not in known:
        return False
    gone = [name for name in known if is_within(name, device_id)]
    connection.execute(delete(devices).where(devices.c.spiffe_id == spiffe_id, devices.c.device_id.in_(gone)))
    return True
