"""What an agent asks of a runtime: install, remove, and say what really runs.

A runtime keeps no records of its own; `running` looks at the thing itself.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from wos_reference.agent.document import Document


class WorkloadError(Exception):
    """Something cannot run or be removed; `code` is that of `status.md`, `component` the one that failed."""

    def __init__(self, sentence: str, *, code: str = "start-failed", component: str | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.component = component


class RetrievalError(WorkloadError):
    """What a component consists of could not be had or verified; nothing of it was changed."""

    def __init__(self, sentence: str, *, component: str | None = None) -> None:
        super().__init__(sentence, code="artifact-unavailable", component=component)


@dataclass(frozen=True)
class Workload:
    """One component that runs now on `device_id`; `namespace` is where Kubernetes runs it.

    `parameters` maps pointer to the value that has reached the component.
    """

    deployment_id: str
    device_id: str
    namespace: str
    component: str
    type: str
    repository: str
    revision: str
    parameters: dict[str, Any]


class Runtime(Protocol):
    """The interface of all runtimes. Each method may be repeated without harm, and be called by several threads."""

    def install(self, document: Document) -> None:
        """Let exactly the components of `document` run for its deployment, on the device that it names.

        A component is begun when the one before is ready. Raises WorkloadError.
        """

    def remove(self, deployment_id: str) -> None:
        """Let nothing of the deployment run. Raises WorkloadError."""

    def running(self, deployment_id: str | None = None) -> list[Workload]:
        """Everything that runs for this agent now, or for one of its deployments. Raises WorkloadError."""

    def deployments(self) -> set[str]:
        """The deployments of this agent of which anything is left, whether it runs or not. Raises WorkloadError."""

    def lose(self, deployment_id: str, component: str) -> None:
        """Take a component away, as somebody with access to the device could; for tests. Raises WorkloadError."""


def workloads_of(document: Document) -> list[Workload]:
    """What runs when `document` is installed, in its order."""
    return [
        Workload(
            document.deployment_id,
            document.device_id,
            document.namespace,
            component.name,
            document.type,
            component.repository,
            component.revision,
            component.parameters,
        )
        for component in document.components
    ]


def text_of(value: Any) -> str:
    """A parameter as an environment variable: texts as they are, lists with commas, everything else as JSON."""
    if isinstance(value, list):
        return ",".join(text_of(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value)


def exact(workload: Workload) -> str:
    """A workload as one text, in which 1, 1.0 and true differ."""
    return json.dumps(asdict(workload), sort_keys=True)


def read_claim(text: str) -> list[Workload]:
    """The workload that `exact` wrote; none if `text` is something else."""
    try:
        return [Workload(**json.loads(text))]
    except (ValueError, TypeError, RecursionError):
        return []
