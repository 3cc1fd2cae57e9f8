"""The runtimes of a device as one: each deployment type goes to the runtime that is there for it."""

from collections.abc import Mapping
from functools import lru_cache

from wos_reference.agent.configuration import Configuration
from wos_reference.agent.document import Document
from wos_reference.agent.runtime import Runtime, Workload, WorkloadError
from wos_reference.agent.runtime.compose import ComposeRuntime
from wos_reference.agent.runtime.folder import FolderRuntime
from wos_reference.agent.runtime.helm import HelmRuntime
from wos_reference.agent.runtime.registry import Registry


class RuntimeByType:
    """See Runtime; `runtimes` maps deployment type to runtime."""

    def __init__(self, runtimes: Mapping[str, Runtime]) -> None:
        self._runtimes = runtimes

    def install(self, document: Document) -> None:
        """See Runtime.install; what another type of the same deployment left behind goes first."""
        if document.type not in self._runtimes:
            raise WorkloadError(f"nothing here runs deployments of type {document.type}")
        for kind, runtime in self._runtimes.items():
            if kind != document.type:
                runtime.remove(document.deployment_id)
        self._runtimes[document.type].install(document)

    def remove(self, deployment_id: str) -> None:
        """See Runtime.remove."""
        for runtime in self._runtimes.values():
            runtime.remove(deployment_id)

    def running(self, deployment_id: str | None = None) -> list[Workload]:
        """See Runtime.running."""
        return [workload for runtime in self._runtimes.values() for workload in runtime.running(deployment_id)]

    def deployments(self) -> set[str]:
        """See Runtime.deployments."""
        return set().union(*(runtime.deployments() for runtime in self._runtimes.values()))

    def lose(self, deployment_id: str, component: str) -> None:
        """See Runtime.lose."""
        for runtime in self._runtimes.values():
            if any(workload.component == component for workload in runtime.running(deployment_id)):
                runtime.lose(deployment_id, component)
                return
        raise WorkloadError(f"{component} of {deployment_id} does not run")


@lru_cache(maxsize=16)
def runtime_of(configuration: Configuration) -> Runtime:
    """The runtime that `configuration` describes, one for all who ask; what it lays out is below the state folder."""
    engines, credentials = configuration.engines, configuration.engines.registry_credentials
    timeout, anchors = configuration.request_timeout, engines.registry_anchors
    registry = Registry(engines.plain_http_registries, timeout, credentials, anchors)
    if "folder" in engines.runtimes:
        return FolderRuntime(configuration.state / "workloads", registry if anchors else None)
    runtimes: dict[str, Runtime] = {}
    if "compose" in engines.runtimes:
        environment = {"DOCKER_HOST": engines.docker_host} if engines.docker_host else {}
        environment |= {"DOCKER_CONFIG": str(credentials.parent)} if credentials else {}
        root = (configuration.state / "compose").resolve()
        runtimes["compose"] = ComposeRuntime(
            *(root, engines.owner, registry, engines.compose_command, environment, configuration.apply_time)
        )
    if "helm" in engines.runtimes:
        environment = {"KUBECONFIG": str(engines.kubeconfig)} if engines.kubeconfig else {}
        environment |= {"HELM_REGISTRY_CONFIG": str(credentials)} if credentials else {}
        root = (configuration.state / "helm").resolve()
        runtimes["helm"] = HelmRuntime(root, engines, environment, configuration.apply_time)
    return RuntimeByType(runtimes)
