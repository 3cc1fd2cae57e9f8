"""What the operator is shown of the whole fleet, as the command and the page need it.

A deployment that was withdrawn and has been reported as removed is settled, and not shown any more.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from wos_reference.wos.storage import clients, deployments, devices

_COLUMNS = [
    deployments.c[name]
    for name in ("id", "spiffe_id", "assignment", "withdrawn", "changed_in", "status", "reported_at")
]


@dataclass(frozen=True)
class DeviceLine:
    """A device; times are seconds since 1970."""

    device_id: str
    announced_at: int


@dataclass(frozen=True)
class DeploymentLine:
    """A deployment: `target` is the version in which it last changed, `adopted` the one that was reported last."""

    deployment_id: str
    device_id: str
    application: str
    withdrawn: bool
    target: int
    adopted: int | None
    state: str
    reported_at: int | None

    @property
    def is_current(self) -> bool:
        """Whether the last report is about what is wanted now."""
        wanted = "removed" if self.withdrawn else "installed"
        return self.state == wanted and (self.withdrawn or (self.adopted or 0) >= self.target)


@dataclass(frozen=True)
class ClientLine:
    """A client with everything that is its."""

    spiffe_id: str
    admitted: bool
    version: int
    seen_at: int | None
    devices: list[DeviceLine] = field(default_factory=list)
    deployments: list[DeploymentLine] = field(default_factory=list)


def overview(connection: Connection) -> list[ClientLine]:
    """All clients by name."""
    lines = {
        row.spiffe_id: ClientLine(row.spiffe_id, row.admitted, int(row.version), row.seen_at)
        for row in connection.execute(select(clients).order_by(clients.c.spiffe_id))
    }
    announced = select(devices.c.spiffe_id, devices.c.device_id, devices.c.announced_at)
    for row in connection.execute(announced.order_by(devices.c.device_id)):
        if row.spiffe_id in lines:
            lines[row.spiffe_id].devices.append(DeviceLine(row.device_id, row.announced_at))
    for row in connection.execute(select(*_COLUMNS).order_by(deployments.c.id)):
        line = _deployment(row)
        if not (line.withdrawn and line.is_current):
            lines[row.spiffe_id].deployments.append(line)
    return list(lines.values())


def _deployment(row: Any) -> DeploymentLine:
    assignment, report = json.loads(row.assignment), json.loads(row.status or "null")
    application = assignment["application"]
    return DeploymentLine(
        deployment_id=row.id,
        device_id=assignment["device_id"],
        application=f"{application['id']} {application['metadata']['version']}",
        withdrawn=row.withdrawn,
        target=int(row.changed_in),
        adopted=report["adoptedManifestVersion"] if report else None,
        state=report["status"]["state"] if report else "not reported",
        reported_at=row.reported_at,
    )
