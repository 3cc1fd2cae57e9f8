"""What a device that only simulates workloads does all the same: it retrieves and verifies what it would run."""

import tempfile
from pathlib import Path

import yaml

from wos_reference.agent import archive
from wos_reference.agent.document import Component, CoreLoader
from wos_reference.agent.runtime import WorkloadError
from wos_reference.agent.runtime.compose_file import self_contained_services
from wos_reference.agent.runtime.registry import Registry

ENDS_WITH = "ends-with"  # the label with the status of a container that is to end (`openapi/test-control.yaml`)


def rehearse(registry: Registry, kind: str, component: Component) -> None:
    """Go as far with a component as one can without an engine. Raises WorkloadError."""
    try:
        if kind == "helm":
            registry.chart(component.repository, component.revision)
        elif kind == "compose":
            _start(_compose_file(registry.compose_archive(component.repository, component.revision)))
    except WorkloadError as error:
        error.component = component.name
        raise


def _compose_file(data: bytes) -> bytes:
    try:
        with tempfile.TemporaryDirectory() as place:
            return (archive.unpack_folder(data, Path(place)) / "compose.yaml").read_bytes()
    except (archive.ArchiveError, OSError) as error:
        raise WorkloadError(f"the archive is refused: {error}", code="artifact-unavailable") from error


def _start(text: bytes) -> None:
    names = self_contained_services(text)
    content = yaml.load(text, CoreLoader)  # noqa: S506 - a safe loader with the types of YAML 1.2
    for name in names:
        service = content["services"][name]
        labels = service.get("labels") if isinstance(service, dict) else None
        status = labels.get(ENDS_WITH, "0") if isinstance(labels, dict) else "0"
        if status != "0":
            raise WorkloadError(f"{name} has ended with status {status!r:.100}")
