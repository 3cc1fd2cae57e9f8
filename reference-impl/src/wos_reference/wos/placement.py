"""Which device takes a profile of an application, and why others do not."""

import json
from typing import Any

from sqlalchemy import Connection, select

from wos_reference.wos.device import is_within
from wos_reference.wos.eligibility import misfit, takes_type
from wos_reference.wos.storage import devices

_ANY_CHILD = "/*"

Capabilities = dict[str, Any]


class NotPlaceable(Exception):
    """No device fits; the text says why."""


def check_type(connection: Connection, spiffe_id: str, device_id: str, profile: dict[str, Any]) -> None:
    """See that a device, or some child if a gateway is to choose, takes deployments of this type.

    Raises:
        NotPlaceable: it was not announced, or does not list the type.
    """
    meant = _meant(connection, spiffe_id, device_id)
    if not any(takes_type(capabilities, profile["type"]) for capabilities in meant.values()):
        raise NotPlaceable(f"{device_id} does not take deployments of the type {profile['type']}")


def advice(connection: Connection, spiffe_id: str, device_id: str, profile: dict[str, Any]) -> str | None:
    """Why a device will probably refuse a profile; the device decides, this is only for the operator.

    Raises:
        NotPlaceable: it was not announced.
    """
    reasons = [misfit(capabilities, profile) for capabilities in _meant(connection, spiffe_id, device_id).values()]
    return None if None in reasons else f"{device_id} does not fit: {reasons[0]}"


def choose_device(connection: Connection, spiffe_id: str, profile: dict[str, Any]) -> str:
    """The first device of a client that fits.

    Raises:
        NotPlaceable: none does; the text has a reason for each.
    """
    reasons = []
    for device_id, capabilities in _announced(connection, spiffe_id).items():
        reason = misfit(capabilities, profile)
        if reason is None:
            return device_id
        reasons.append(f"{device_id} does not fit: {reason}")
    raise NotPlaceable("; ".join(reasons) or f"{spiffe_id} has announced no device")


def _meant(connection: Connection, spiffe_id: str, device_id: str) -> dict[str, Capabilities]:
    """The device of this id, or all children that `gateway/*` stands for."""
    announced = _announced(connection, spiffe_id)
    gateway = device_id.removesuffix(_ANY_CHILD)
    if device_id in announced:
        return {device_id: announced[device_id]}
    if gateway != device_id and gateway in announced:
        return {name: found for name, found in announced.items() if name != gateway and is_within(name, gateway)}
    raise NotPlaceable(f"{spiffe_id} has announced no device {device_id!r}")


def _announced(connection: Connection, spiffe_id: str) -> dict[str, Capabilities]:
    found = select(devices.c.device_id, devices.c.document).filter_by(spiffe_id=spiffe_id).order_by(devices.c.device_id)
    return {row.device_id: json.loads(row.document) for row in connection.execute(found)}
