"""Which device takes a profile of an application, and why others do not."""

import json
from typing import Any

from sqlalchemy import Connection, select

from wos_reference.wos.eligibility import misfit
from wos_reference.wos.storage import devices


class NotPlaceable(Exception):
    """No device fits; the text says why."""


def check_fit(connection: Connection, spiffe_id: str, device_id: str, profile: dict[str, Any]) -> None:
    """See that a device of a client can take a profile.

    Raises:
        NotPlaceable: it was not announced, or does not fit.
    """
    found = select(devices.c.document).filter_by(spiffe_id=spiffe_id, device_id=device_id)
    document = connection.execute(found).scalar()
    if document is None:
        raise NotPlaceable(f"{spiffe_id} has announced no device {device_id!r}")
    if reason := misfit(json.loads(document), profile):
        raise NotPlaceable(f"{device_id} does not fit: {reason}")


def choose_device(connection: Connection, spiffe_id: str, profile: dict[str, Any]) -> str:
    """The first device of a client that can take a profile.

    Raises:
        NotPlaceable: none can.
    """
    reasons = []
    for device_id in connection.execute(select(devices.c.device_id).filter_by(spiffe_id=spiffe_id)).scalars().all():
        try:
            check_fit(connection, spiffe_id, device_id, profile)
        except NotPlaceable as reason:
            reasons.append(str(reason))
        else:
            return str(device_id)
    raise NotPlaceable("; ".join(reasons) or f"{spiffe_id} has announced no device")
