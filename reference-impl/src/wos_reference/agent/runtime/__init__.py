"""What an agent asks of a runtime: install, remove, and say what really runs.

A runtime keeps no records of its own; `running` looks at the thing itself.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from wos_reference.agent.document import Document


class WorkloadError(Exception):
    """The runtime could not do what it was asked; the text says why."""


class RetrievalError(WorkloadError):
    """What a component consists of could not be had or verified; nothing was changed, a later attempt may succeed."""


@dataclass(frozen=True)
class Workload:
    """One component that runs now; `parameters` maps pointer to value, `namespace` is where Kubernetes runs it."""

    deployment_id: str
    namespace: str
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

    def running(self, deployment_id: str | None = None) -> list[Workload]:
        """Everything that runs for this agent now, or for one of its deployments. Raises WorkloadError."""


def workloads_of(document: Document) -> list[Workload]:
    """What runs when `document` is installed, in its order."""
    return [
        Workload(
            document.deployment_id,
            document.namespace,
            component.name,
            document.type,
            component.repository,
            component.revision,
            component.parameters,
        )
        for component in document.components
    ]


def exact(workload: Workload) -> str:
    """A workload as one text, in which 1, 1.0 and true differ."""
    return json.dumps(asdict(workload), sort_keys=True)


def read_claim(text: str) -> list[Workload]:
    """The workload that `exact` wrote; none if `text` is something else."""
    try:
        return [Workload(**json.loads(text))]
    except (ValueError, TypeError, RecursionError):
        return []
