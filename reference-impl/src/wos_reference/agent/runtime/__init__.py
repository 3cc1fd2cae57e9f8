"""What an agent asks of a runtime: install, remove, and say what really runs.

A runtime keeps no records of its own; `running` looks at the thing itself.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from wos_reference.agent.document import Document


class WorkloadError(Exception):
    """The runtime could not do what it was asked; the text says why."""


@dataclass(frozen=True)
class Workload:
    """One component that runs now; `parameters` maps pointer to value."""

    deployment_id: str
    component: str
    type: str
    repository: str
    revision: str
    parameters: dict[str, Any]


class Runtime(Protocol):
    """The interface of all runtimes. Each method may be repeated without harm."""

    def install(self, document: Document) -> None:
        """Let exactly the components of `document` run for its deployment. Raises WorkloadError."""

    def remove(self, deployment_id: str) -> None:
        """Let nothing of the deployment run. Raises WorkloadError."""

    def running(self) -> list[Workload]:
        """Everything that runs for this agent now. Raises WorkloadError."""


def workloads_of(document: Document) -> list[Workload]:
    """What runs when `document` is installed, in its order."""
    return [
        Workload(
            document.deployment_id,
            component.name,
            document.type,
            component.repository,
            component.revision,
            component.parameters,
        )
        for component in document.components
    ]
