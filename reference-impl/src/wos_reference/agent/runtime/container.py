"""A container as the engine shows it, and what its state means for the component that it belongs to."""

from dataclasses import dataclass
from typing import Any

PROJECT, SERVICE = "com.docker.compose.project", "com.docker.compose.service"


@dataclass(frozen=True)
class Container:
    """One container; `health` is None without a health check."""

    labels: dict[str, str]
    status: str
    health: str | None
    exit_code: int

    @property
    def service(self) -> str:
        """The service of the Compose file."""
        return self.labels.get(SERVICE, "")

    @property
    def has_failed(self) -> bool:
        """Whether it ended with an error, or its health check did."""
        return self.health == "unhealthy" or (self.status != "running" and self.exit_code != 0)

    @property
    def has_finished(self) -> bool:
        """Whether it has ended without an error."""
        return self.status == "exited" and self.exit_code == 0

    @property
    def runs(self) -> bool:
        """Whether it runs, or has done its work."""
        return self.status == "running" or self.has_finished

    @property
    def is_up(self) -> bool:
        """Whether it runs, healthy if it can tell, or has done its work."""
        return self.has_finished or (self.status == "running" and self.health in (None, "healthy"))


def read_container(item: dict[str, Any]) -> Container:
    """One element of what `docker inspect` prints."""
    state = item["State"]
    health = (state.get("Health") or {}).get("Status")
    return Container(item["Config"].get("Labels") or {}, state["Status"], health, state["ExitCode"])
