"""What the operator is shown of the whole fleet, as the command and the page need it.

A deployment that was withdrawn and has been reported as removed is settled, and not shown any more.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select

from wos_reference.wos.storage import clients, deployments, devices

AT_ONCE = 500
_LOT = 1000
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

    @property
    def is_settled(self) -> bool:
        """Whether nobody has anything to do or to see any more."""
        return self.withdrawn and self.is_current


@dataclass(frozen=True)
class ClientLine:
    """A client with everything that is its."""

    spiffe_id: str
    admitted: bool
    version: int
    seen_at: int | None
    devices: list[DeviceLine] = field(default_factory=list)
    deployments: list[DeploymentLine] = field(default_factory=list)


@dataclass
class Figures:
    """How the fleet stands, as numbers; `behind` counts the deployments that are not what is wanted."""

    clients: int
    devices: int
    states: Counter[str] = field(default_factory=Counter)
    behind: int = 0


def figures(connection: Connection) -> Figures:
    """All clients together; rows are read in small lots, however many there are."""
    admitted = connection.execute(select(func.count()).where(clients.c.admitted)).scalar_one()
    found = Figures(admitted, connection.execute(select(func.count()).select_from(devices)).scalar_one())
    for row in connection.execute(select(*_COLUMNS).execution_options(yield_per=_LOT)):
        line = _deployment(row)
        if not line.is_settled:
            found.states[line.state] += 1
            found.behind += not line.is_current
    return found


def overview(connection: Connection, after: str = "") -> list[ClientLine]:
    """Clients by name, those after a name, and no more than `AT_ONCE`."""
    wanted = select(clients).where(clients.c.spiffe_id > after).order_by(clients.c.spiffe_id).limit(AT_ONCE)
    lines = {
        row.spiffe_id: ClientLine(row.spiffe_id, row.admitted, int(row.version), row.seen_at)
        for row in connection.execute(wanted)
    }
    announced = select(devices.c.spiffe_id, devices.c.device_id, devices.c.announced_at)
    for row in connection.execute(announced.where(devices.c.spiffe_id.in_(lines)).order_by(devices.c.device_id)):
        lines[row.spiffe_id].devices.append(DeviceLine(row.device_id, row.announced_at))
    assigned = select(*_COLUMNS).where(deployments.c.spiffe_id.in_(lines)).order_by(deployments.c.id)
    for row in connection.execute(assigned):
        line = _deployment(row)
        if not line.is_settled:
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
