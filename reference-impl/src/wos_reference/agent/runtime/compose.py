"""Runs Compose applications on a container engine: one project per component, labelled by owner and deployment.

What runs is read from the labels of the containers themselves; what is not named and labelled as ours is not touched.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

from wos_reference.agent import archive
from wos_reference.agent.desired_state import DEPLOYMENT_ID, digest_of
from wos_reference.agent.document import Component, Document
from wos_reference.agent.process import CommandError, run
from wos_reference.agent.runtime import Workload, WorkloadError, exact, read_claim, text_of, workloads_of
from wos_reference.agent.runtime.compose_file import self_contained_services
from wos_reference.agent.runtime.container import PROJECT, Container, read_container
from wos_reference.agent.runtime.registry import Registry

OWNER, DEPLOYMENT, CLAIM, SERVICES = "wos.owner", "wos.deployment", "wos.claim", "wos.services"
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
STEERS_TOOLS = re.compile(r"DOCKER_|COMPOSE_|LD_")  # reaches the services, but not the tools that start them
LOOK_TIMEOUT = 60.0  # seconds for a question to the engine, and for stopping what is removed
LOOK_PAUSE = 0.2
SETTLED = 1.0  # seconds for which a container without health check has to stay up


class Kind(NamedTuple):
    """Something that a project leaves on an engine: the column that names it, how it is listed and removed."""

    column: str
    listing: tuple[str, ...]
    removals: tuple[tuple[str, ...], ...]


KINDS = (
    Kind("ID", ("ps", "-a", "--no-trunc"), (("stop",), ("rm", "-f", "-v"))),
    Kind("ID", ("network", "ls", "--no-trunc"), (("network", "rm"),)),
    Kind("Name", ("volume", "ls"), (("volume", "rm"),)),
)


class ComposeRuntime:
    """See Runtime; `compose` is the command, `environment` tells it and `docker` where the engine is."""

    def __init__(
        self,
        root: Path,
        owner: str,
        registry: Registry,
        compose: Sequence[str],
        environment: dict[str, str],
        apply_time: float,
    ) -> None:
        self._root = root
        self._owner = owner
        self._mark = f"wos-{digest_of(owner.encode())[7:15]}-"
        self._registry = registry
        self._compose = tuple(compose)
        self._environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(root)} | environment
        self._apply_time = apply_time

    def install(self, document: Document) -> None:
        """See Runtime.install; a component that runs as it should is left alone."""
        names = [component.name for component in document.components]
        self._remove_projects(document.deployment_id, keep={self._project(document.deployment_id, n) for n in names})
        running = {exact(workload) for workload in self.running(document.deployment_id)}
        for component, workload in zip(document.components, workloads_of(document), strict=True):
            if exact(workload) not in running:
                self._install(component, workload)
        self._clear_folders(document.deployment_id, keep={(c.name, place_name(c)) for c in document.components})

    def remove(self, deployment_id: str) -> None:
        """See Runtime.remove; volumes go too."""
        self._remove_projects(deployment_id, keep=set())
        self._clear_folders(deployment_id, keep=set())

    def running(self, deployment_id: str | None = None) -> list[Workload]:
        """See Runtime.running; a component runs when each of its services does."""
        groups: dict[str, list[Container]] = {}
        label = f"{DEPLOYMENT}={deployment_id}" if deployment_id else f"{OWNER}={self._owner}"
        for container in self._containers(label):
            groups.setdefault(container.labels.get(CLAIM, ""), []).append(container)
        return [workload for claim, group in sorted(groups.items()) for workload in running_workload(claim, group)]

    def deployments(self) -> set[str]:
        """See Runtime.deployments."""
        projects = [project for kind in KINDS for _, project in self._parts(kind) if project.startswith(self._mark)]
        return {found[0] for project in projects if (found := DEPLOYMENT_ID.search(project))}

    def lose(self, deployment_id: str, component: str) -> None:
        """See Runtime.lose."""
        ids = self._ids(f"{PROJECT}={self._project(deployment_id, component)}")
        if not ids:
            raise WorkloadError(f"{component} of {deployment_id} does not run")
        self._docker("rm", "-f", *ids)

    def _project(self, deployment_id: str, component: str) -> str:
        """The name of the Compose project of one component, which no other owner has."""
        return f"{self._mark}{deployment_id.lower()}-{component}"

    def _install(self, component: Component, workload: Workload) -> None:
        deadline = time.monotonic() + (component.timeout or self._apply_time)
        try:
            values = variables(component)
            folder, services = self._retrieve(workload.deployment_id, component)
            self._up(folder, services, component, workload, values, deadline)
        except WorkloadError as error:
            error.component = component.name
            raise

    def _retrieve(self, deployment_id: str, component: Component) -> tuple[Path, list[str]]:
        """The unpacked folder of a component, and its services; a folder that is here already is used as it is."""
        place = self._root / deployment_id.lower() / component.name / place_name(component)
        try:
            if not place.exists():
                unpack(self._registry.compose_archive(component.repository, component.revision), place)
            folder = next(place.iterdir())
            services = self_contained_services((folder / "compose.yaml").read_bytes())
        except (archive.ArchiveError, OSError, StopIteration) as error:
            raise WorkloadError(f"the archive is refused: {error}", code="artifact-unavailable") from error
        return folder, services

    def _up(
        self,
        folder: Path,
        services: list[str],
        component: Component,
        workload: Workload,
        values: dict[str, str],
        deadline: float,
    ) -> None:
        project = self._project(workload.deployment_id, component.name)
        environment = {name: text for name, text in values.items() if not STEERS_TOOLS.match(name)} | self._environment
        command = [*self._compose, "-p", project, "--project-directory", str(folder), "-f", f"{folder}/compose.yaml"]
        override = folder.parent.with_suffix(".json")
        override.touch(0o600)
        override.write_text(json.dumps(overridden(services, self._owner, workload, values)))
        self._run([*command, "-f", str(override), "up", "-d", "--remove-orphans"], environment, deadline)
        if component.wait:
            self._await(project, set(services), deadline)

    def _await(self, project: str, services: set[str], deadline: float) -> None:
        """Wait until every service is up and stays so; a container that fails ends the wait."""
        up_since: float | None = None
        while True:
            containers = self._containers(f"{PROJECT}={project}")
            now = time.monotonic()
            for container in containers:
                if container.has_failed:
                    raise WorkloadError(f"{container.service} has ended with status {container.exit_code}")
            is_up = services <= {container.service for container in containers if container.is_up}
            up_since = (up_since or now) if is_up else None
            if up_since and (now >= up_since + SETTLED or all(c.health or c.has_finished for c in containers)):
                return
            if now > deadline:
                raise WorkloadError("it was not ready in time", code="timeout")
            Event().wait(LOOK_PAUSE)

    def _ids(self, label: str) -> list[str]:
        filters = ("--filter", f"label={OWNER}={self._owner}", "--filter", f"label={label}")
        return self._docker("ps", "-aq", "--no-trunc", *filters).decode().split()

    def _containers(self, label: str) -> list[Container]:
        ids = self._ids(label)
        try:
            return [read_container(item) for item in json.loads(self._docker("inspect", *ids))] if ids else []
        except WorkloadError as error:
            if "No such object" in str(error):  # one was removed between the two questions
                return self._containers(label)
            raise

    def _remove_projects(self, deployment_id: str, keep: set[str]) -> None:
        """Stop and remove the projects of a deployment, with their networks and volumes, until a look finds none.

        An engine may still be making what a command that was ended had asked for.
        """
        while sum(self._remove_each(kind, deployment_id, keep) for kind in KINDS):
            pass

    def _remove_each(self, kind: Kind, deployment_id: str, keep: set[str]) -> int:
        """How many of this kind there were to remove."""
        prefix = self._project(deployment_id, "")
        names = [name for name, project in self._parts(kind) if project.startswith(prefix) and project not in keep]
        for name in names:
            for removal in kind.removals:
                self._docker(*removal, name)
        return len(names)

    def _parts(self, kind: Kind) -> Iterator[tuple[str, str]]:
        """What of this kind belongs to a project: its name, and that of the project."""
        columns = f'{{{{.{kind.column}}}}} {{{{.Label "{PROJECT}"}}}}'
        lines = self._docker(*kind.listing, "--filter", f"label={PROJECT}", "--format", columns).decode().splitlines()
        yield from ((name, project) for name, _, project in (line.partition(" ") for line in lines))

    def _clear_folders(self, deployment_id: str, keep: set[tuple[str, str]]) -> None:
        root = self._root / deployment_id.lower()
        for place in root.glob("*/*"):
            if (place.parent.name, place.stem) not in keep:
                shutil.rmtree(place) if place.is_dir() else place.unlink()
        if not keep:
            shutil.rmtree(root, ignore_errors=True)

    def _docker(self, *arguments: str) -> bytes:
        return self._run(["docker", *arguments], self._environment, time.monotonic() + LOOK_TIMEOUT)

    def _run(self, command: Sequence[str], environment: dict[str, str], deadline: float) -> bytes:
        try:
            return run(command, environment, max(1.0, deadline - time.monotonic()))
        except CommandError as error:
            raise WorkloadError(str(error), code="timeout" if error.was_late else "start-failed") from error


def place_name(component: Component) -> str:
    """The name of the folder for a revision of a component."""
    return digest_of(f"{component.repository}\n{component.revision}".encode()).removeprefix("sha256:")


def unpack(data: bytes, place: Path) -> None:
    """Unpack an archive to `place`, at once or not at all. Raises ArchiveError and OSError."""
    new = place.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True, mode=0o700)
    archive.unpack_folder(data, new)
    new.replace(place)


def variables(component: Component) -> dict[str, str]:
    """The parameters as environment variables. Raises WorkloadError for a pointer that names none."""
    for name in component.parameters:
        if not VARIABLE.fullmatch(name):
            raise WorkloadError(f"{name!r:.100} is not the name of a variable", code="parameter-unusable")
    return {name: text_of(value) for name, value in component.parameters.items()}


def overridden(services: list[str], owner: str, workload: Workload, values: dict[str, str]) -> dict[str, Any]:
    """A Compose file which adds the labels of this owner and the parameters to each service.

    `$` is doubled because Compose would read a variable.
    """
    labels = {
        OWNER: owner,
        DEPLOYMENT: workload.deployment_id,
        CLAIM: exact(workload).replace("$", "$$"),
        SERVICES: " ".join(services),
    }
    environment = {name: text.replace("$", "$$") for name, text in values.items()}
    return {"services": {service: {"labels": labels, "environment": environment} for service in services}}


def running_workload(claim: str, containers: list[Container]) -> list[Workload]:
    """The component that `containers` are, if each of its services runs and the claim on them can be read."""
    services = set(containers[0].labels.get(SERVICES, "").split())
    if not services <= {container.service for container in containers if container.runs}:
        return []
    return read_claim(claim)
