"""A runtime that lays out what would run: `<root>/<deploymentId>/<component>.json`, each file replaced atomically."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wos_reference.agent.desired_state import DEPLOYMENT_ID
from wos_reference.agent.document import Document
from wos_reference.agent.runtime import Workload, WorkloadError, exact, workloads_of
from wos_reference.agent.runtime.registry import Registry
from wos_reference.agent.runtime.simulation import rehearse

MEMBERS = ("device_id", "namespace", "type", "repository", "revision", "parameters")


class FolderRuntime:
    """Runs workloads as files below `root`; touches only folders that are named like a deployment.

    With a registry it retrieves and verifies what components refer to, and starts nothing of it.
    """

    def __init__(self, root: Path, registry: Registry | None = None) -> None:
        self._root = root
        self._registry = registry

    def install(self, document: Document) -> None:
        """See Runtime.install."""
        folder = self._root / document.deployment_id
        workloads = workloads_of(document)
        require_retrievable(document)
        if self._registry:
            self._rehearse(self._registry, document)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for workload in workloads:
                write_workload(folder, workload)
            clear_others(folder, {file_name(workload) for workload in workloads})
        except OSError as error:
            raise WorkloadError(f"cannot lay out {document.deployment_id}: {error}") from error

    def _rehearse(self, registry: Registry, document: Document) -> None:
        running = {exact(workload) for workload in self.running(document.deployment_id)}
        for component, workload in zip(document.components, workloads_of(document), strict=True):
            if exact(workload) not in running:
                rehearse(registry, document.type, component)

    def remove(self, deployment_id: str) -> None:
        """See Runtime.remove."""
        try:
            shutil.rmtree(self._root / deployment_id)
        except FileNotFoundError:
            return
        except OSError as error:
            raise WorkloadError(f"cannot remove {deployment_id}: {error}") from error

    def running(self, deployment_id: str | None = None) -> list[Workload]:
        """See Runtime.running; a file that cannot be read does not run."""
        try:
            names = [deployment_id] if deployment_id else sorted(self.deployments())
            return [workload for name in names for workload in _workloads_in(self._root / name)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise WorkloadError(f"cannot look into {self._root}: {error}") from error

    def deployments(self) -> set[str]:
        """See Runtime.deployments."""
        try:
            return {path.name for path in self._root.iterdir() if DEPLOYMENT_ID.fullmatch(path.name)}
        except (FileNotFoundError, NotADirectoryError):
            return set()
        except OSError as error:
            raise WorkloadError(f"cannot look into {self._root}: {error}") from error

    def lose(self, deployment_id: str, component: str) -> None:
        """See Runtime.lose."""
        try:
            (self._root / deployment_id / f"{component}.json").unlink()
        except OSError as error:
            raise WorkloadError(f"{component} of {deployment_id} does not run") from error


def require_retrievable(document: Document) -> None:
    """What stands on a host below `.invalid` cannot be retrieved, without a registry either. Raises WorkloadError."""
    for component in document.components:
        if (urlsplit(component.repository).hostname or "").endswith(".invalid"):
            sentence = f"{component.repository} cannot be retrieved"
            raise WorkloadError(sentence, code="artifact-unavailable", component=component.name)


def file_name(workload: Workload) -> str:
    """The name of the file that stands for a workload."""
    return f"{workload.component}.json"


def write_workload(folder: Path, workload: Workload) -> None:
    """Replace the file of `workload` at once; a power cut leaves the old one or the new one. Raises OSError."""
    content = {
        "device_id": workload.device_id,
        "namespace": workload.namespace,
        "type": workload.type,
        "repository": workload.repository,
        "revision": workload.revision,
        "parameters": workload.parameters,
    }
    new = folder / f".{workload.component}.new"
    with new.open("w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / file_name(workload))


def clear_others(folder: Path, names: set[str]) -> None:
    """Remove whatever lies in `folder` beside `names`. Raises OSError."""
    for path in folder.iterdir():
        if path.name not in names:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _workloads_in(folder: Path) -> Iterator[Workload]:
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("[!.]*.json")):
        content = _read(path)
        if content is not None:
            yield Workload(folder.name, component=path.stem, **content)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_bytes())
        return {name: content[name] for name in MEMBERS}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
