"""Runs Compose applications on a container engine: one project per component, labelled by owner and deployment.

What runs is read from the labels of the containers themselves; containers without the owner's label are never touched.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from wos_reference.agent import archive
from wos_reference.agent.desired_state import digest_of
from wos_reference.agent.document import Component, Document
from wos_reference.agent.process import CommandError, run
from wos_reference.agent.runtime import RetrievalError, Workload, WorkloadError, exact, read_claim, workloads_of
from wos_reference.agent.runtime.compose_file import require_self_contained
from wos_reference.agent.runtime.registry import Registry

OWNER, DEPLOYMENT, CLAIM, SERVICES = "wos.owner", "wos.deployment", "wos.claim", "wos.services"
PROJECT, SERVICE = "com.docker.compose.project", "com.docker.compose.service"
VARIABLE = re.compile(r"(?!DOCKER_|COMPOSE_|LD_)[A-Za-z_][A-Za-z0-9_]*")
LOOK_TIMEOUT = 60.0  # seconds for a question to the engine, and for stopping what is removed
LOOK_PAUSE = 0.2
KINDS = (
    ("container", ("ps", "-a", "--no-trunc"), ("rm", "-f", "-v")),
    ("network", ("network", "ls"), ("network", "rm")),
    ("volume", ("volume", "ls"), ("volume", "rm")),
)
SETTLED = 1.0  # seconds for which a container without health check has to stay up


@dataclass(frozen=True)
class Container:
    """One container of this owner, as the engine shows it."""

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
    def runs(self) -> bool:
        """Whether it runs, or has done its work."""
        return self.status == "running" or self.has_finished

    @property
    def is_up(self) -> bool:
        """Whether it runs, healthy if it can tell, or has done its work."""
        return self.runs and self.health not in ("starting", "unhealthy")

    @property
    def has_finished(self) -> bool:
        """Whether it has ended without an error."""
        return self.status == "exited" and self.exit_code == 0


class ComposeRuntime:
    """See Runtime; `compose` and `docker` are the commands, `environment` tells them where the engine is."""

    def __init__(
        self, root: Path, owner: str, registry: Registry, compose: Sequence[str], environment: dict[str, str]
    ) -> None:
        self._root = root
        self._owner = owner
        self._registry = registry
        self._compose = tuple(compose)
        self._environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(root)} | environment

    def install(self, document: Document) -> None:
        """See Runtime.install; nothing is changed before every component has been retrieved."""
        folders = [self._retrieve(document, component) for component in document.components]
        wanted = {project_of(self._owner, document.deployment_id, component.name) for component in document.components}
        self._remove_projects(document.deployment_id, keep=wanted)
        for folder, component, workload in zip(folders, document.components, workloads_of(document), strict=True):
            self._up(folder, component, workload)
        self._clear_folders(document.deployment_id, keep=set(folders))

    def remove(self, deployment_id: str) -> None:
        """See Runtime.remove; volumes go too."""
        self._remove_projects(deployment_id, keep=set())
        self._clear_folders(deployment_id, keep=set())

    def running(self, deployment_id: str | None = None) -> list[Workload]:
        """See Runtime.running; a component runs when each of its services does."""
        groups: dict[str, list[Container]] = {}
        for container in self._containers(
            f"{DEPLOYMENT}={deployment_id}" if deployment_id else f"{OWNER}={self._owner}"
        ):
            groups.setdefault(container.labels.get(CLAIM, ""), []).append(container)
        return [workload for claim, group in sorted(groups.items()) for workload in running_workload(claim, group)]

    def _retrieve(self, document: Document, component: Component) -> Path:
        """The unpacked folder of a component; one that is here already is used as it is."""
        name = digest_of(f"{component.repository}\n{component.revision}".encode()).removeprefix("sha256:")
        place = self._root / document.deployment_id.lower() / component.name / name
        try:
            if not place.exists():
                self._unpack(self._registry.compose_archive(component.repository, component.revision), place)
            folder = next(place.iterdir())
            require_self_contained((folder / "compose.yaml").read_bytes())
        except archive.ArchiveError as error:
            raise WorkloadError(f"{component.name}: {error}") from error
        except (OSError, StopIteration) as error:
            raise RetrievalError(f"{component.name}: {error!r}") from error
        return folder

    def _unpack(self, data: bytes, place: Path) -> None:
        new = place.with_name(".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True, mode=0o700)
        archive.unpack_folder(data, new)
        new.replace(place)

    def _up(self, folder: Path, component: Component, workload: Workload) -> None:
        project = project_of(self._owner, workload.deployment_id, component.name)
        environment = self._environment | variables(component)
        command = [
            *self._compose,
            "-p",
            project,
            "--project-directory",
            str(folder),
            "-f",
            str(folder / "compose.yaml"),
        ]
        deadline = time.monotonic() + component.timeout
        services = self._run([*command, "config", "--services"], environment, deadline).decode().split()
        override = folder.parent / "labels.json"
        override.write_text(json.dumps(labelled(services, self._owner, workload)))
        self._run([*command, "-f", str(override), "up", "-d", "--remove-orphans"], environment, deadline)
        if component.wait:
            self._await(project, component.name, set(services), deadline)

    def _run(self, command: Sequence[str], environment: dict[str, str], deadline: float) -> bytes:
        try:
            return run(command, environment, max(1.0, deadline - time.monotonic()))
        except CommandError as error:
            raise WorkloadError(str(error)) from error

    def _await(self, project: str, name: str, services: set[str], deadline: float) -> None:
        """Wait until every service is up and stays so; a container that fails ends the wait."""
        up_since: float | None = None
        while True:
            containers = self._containers(f"{PROJECT}={project}")
            now = time.monotonic()
            for container in containers:
                if container.has_failed:
                    raise WorkloadError(f"{name}: {container.service} failed with exit status {container.exit_code}")
            is_up = services <= {container.service for container in containers if container.is_up}
            up_since = (up_since or now) if is_up else None
            if up_since and (now >= up_since + SETTLED or all(c.health or c.has_finished for c in containers)):
                return
            if now > deadline:
                raise WorkloadError(f"{name} did not come up in time")
            Event().wait(LOOK_PAUSE)

    def _containers(self, label: str) -> list[Container]:
        ids = self._docker("ps", "-aq", "--no-trunc", *filters([f"{OWNER}={self._owner}", label])).decode().split()
        return [read_container(item) for item in json.loads(self._docker("inspect", *ids))] if ids else []

    def _docker(self, *arguments: str) -> bytes:
        return self._run(["docker", *arguments], self._environment, time.monotonic() + LOOK_TIMEOUT)

    def _remove_projects(self, deployment_id: str, keep: set[str]) -> None:
        """Stop and remove the projects of a deployment, with their networks and volumes."""
        prefix = project_of(self._owner, deployment_id, "")
        columns = f'{{{{.ID}}}} {{{{.Label "{PROJECT}"}}}}'
        for kind, listing, removal in KINDS:
            lines = self._docker(*listing, "--filter", f"label={PROJECT}", "--format", columns)
            for line in lines.decode().splitlines():
                name, _, project = line.partition(" ")
                if project.startswith(prefix) and project not in keep:
                    if kind == "container":
                        self._docker("stop", name)
                    self._docker(*removal, name)

    def _clear_folders(self, deployment_id: str, keep: set[Path]) -> None:
        root = self._root / deployment_id.lower()
        for place in root.glob("*/*"):
            if place.is_dir() and not any(folder.is_relative_to(place) for folder in keep):
                shutil.rmtree(place, ignore_errors=True)
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


def project_of(owner: str, deployment_id: str, component: str) -> str:
    """The name of the Compose project of one component, which no other owner has."""
    return f"wos-{digest_of(owner.encode())[7:15]}-{deployment_id.lower()}-{component}"


def filters(labels: list[str]) -> list[str]:
    """Arguments that let the engine show only what carries all of `labels`."""
    return [argument for label in labels for argument in ("--filter", f"label={label}")]


def read_container(item: dict[str, Any]) -> Container:
    """One element of what `docker inspect` prints."""
    state = item["State"]
    health = (state.get("Health") or {}).get("Status")
    return Container(item["Config"].get("Labels") or {}, state["Status"], health, state["ExitCode"])


def running_workload(claim: str, containers: list[Container]) -> list[Workload]:
    """The component that `containers` are, if each of its services runs and the claim on them can be read."""
    services = set(containers[0].labels.get(SERVICES, "").split())
    if not services <= {container.service for container in containers if container.runs}:
        return []
    return read_claim(claim)


def variables(component: Component) -> dict[str, str]:
    """The parameters as environment variables; lists as JSON. Raises WorkloadError for a name that steers tools."""
    for name in component.parameters:
        if not VARIABLE.fullmatch(name) or name in ("PATH", "HOME"):
            raise WorkloadError(f"{component.name}: {name!r:.100} cannot be a variable of a component")
    return {name: text_of(value) for name, value in component.parameters.items()}


def text_of(value: Any) -> str:
    """A parameter as Compose writes it: texts as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def labelled(services: list[str], owner: str, workload: Workload) -> dict[str, Any]:
    """A Compose file which adds the labels of this owner; `$` is doubled because Compose would read a variable."""
    labels = {
        OWNER: owner,
        DEPLOYMENT: workload.deployment_id,
        CLAIM: exact(workload).replace("$", "$$"),
        SERVICES: " ".join(services),
    }
    return {"services": {service: {"labels": labels} for service in services}}
