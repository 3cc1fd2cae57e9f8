"""Runs Helm charts on a Kubernetes API: one release per component, labelled by owner and deployment.

What runs is read from the releases and the objects they name; releases without the owner's label are never touched.
"""

import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from wos_reference.agent.desired_state import digest_of
from wos_reference.agent.document import Component, Document
from wos_reference.agent.process import CommandError, run
from wos_reference.agent.runtime import RetrievalError, Workload, WorkloadError, exact, read_claim, workloads_of
from wos_reference.agent.runtime.registry import host_of

OWNER, DEPLOYMENT = "wos-owner", "wos-deployment"
LOOK_TIMEOUT = 60.0  # seconds for a question to the cluster
PULL_TIMEOUT = 120.0
GRACE = 10.0  # seconds that helm gets beyond the timeout it was told
EVERY_STATUS = ("--deployed", "--failed", "--pending", "--uninstalling")
NAME_LENGTH = 53
DOT = re.compile(r"(?<!\\)\.")


class HelmRuntime:
    """See Runtime; `helm` and `kubectl` are the commands, `environment` tells them where the cluster is."""

    def __init__(
        self, root: Path, owner: str, plain_http: frozenset[str], helm: Sequence[str], environment: dict[str, str]
    ) -> None:
        self._root = root
        self._owner = digest_of(owner.encode())[7:39]  # any text is an owner, but not any text is a label
        self._plain_http = plain_http
        self._helm_command = tuple(helm)
        self._environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(root)} | environment

    def install(self, document: Document) -> None:
        """See Runtime.install; nothing is changed before every chart has been retrieved."""
        try:
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryDirectory(dir=self._root) as folder:
                self._install(document, Path(folder))
        except OSError as error:
            raise WorkloadError(f"cannot use {self._root}: {error}") from error

    def _install(self, document: Document, folder: Path) -> None:
        charts = [self._pull(component, folder) for component in document.components]
        wanted = {(document.namespace, release_of(document.deployment_id, c.name)) for c in document.components}
        self._uninstall(document.deployment_id, keep=wanted)
        for chart, component, workload in zip(charts, document.components, workloads_of(document), strict=True):
            self._upgrade(chart, component, workload)

    def remove(self, deployment_id: str) -> None:
        """See Runtime.remove; the namespace stays, because others may use it."""
        self._uninstall(deployment_id, keep=set())

    def running(self, deployment_id: str | None = None) -> list[Workload]:
        """See Runtime.running; a component runs when its release is deployed and each of its objects is there."""
        releases = self._releases("--deployed", deployment_id=deployment_id)
        return [workload for release in releases for workload in self._running(release)]

    def _running(self, release: dict[str, Any]) -> list[Workload]:
        place = (release["name"], "--namespace", release["namespace"])
        status = json.loads(self._helm("status", *place, "--output", "json"))
        manifest = status.get("manifest", "").encode()
        question = ("get", "--namespace", release["namespace"], "--ignore-not-found", "--output=name", "--filename=-")
        found = self._kubectl(*question, stdin=manifest)
        wanted = sum(document is not None for document in yaml.load_all(manifest, yaml.CBaseLoader))
        return read_claim(status["info"]["description"]) if len(found.split()) == wanted else []

    def _pull(self, component: Component, folder: Path) -> Path:
        """The chart of a component in a folder of its own; helm checks the digests."""
        place = folder / component.name
        place.mkdir()
        plain = ("--plain-http",) if host_of(component.repository) in self._plain_http else ()
        version = component.revision.replace("_", "+")
        try:
            arguments = ("pull", component.repository, "--version", version, "--destination", str(place), *plain)
            self._helm(*arguments, timeout=PULL_TIMEOUT)
            return next(place.glob("*.tgz"))
        except (WorkloadError, StopIteration) as error:
            raise RetrievalError(f"{component.name}: {error}") from error

    def _upgrade(self, chart: Path, component: Component, workload: Workload) -> None:
        release = release_of(workload.deployment_id, component.name)
        self._clear_interrupted(release, workload.namespace)
        values = chart.with_name("values.json")
        values.write_text(json.dumps(values_of(component)))
        arguments = ["upgrade", release, str(chart), "--install", "--reset-values", "--values", str(values)]
        arguments += ["--namespace", workload.namespace, "--create-namespace", "--description", exact(workload)]
        arguments += ["--labels", f"{OWNER}={self._owner},{DEPLOYMENT}={workload.deployment_id}"]
        arguments += ["--timeout", f"{component.timeout:.0f}s", *(["--wait"] if component.wait else [])]
        self._helm(*arguments, timeout=component.timeout + GRACE)

    def _clear_interrupted(self, release: str, namespace: str) -> None:
        """Forget a revision whose installation was cut short; helm would wait for its end for ever."""
        selector = f"owner=helm,name={release},status in (pending-install,pending-upgrade,pending-rollback)"
        self._kubectl("delete", "secret", "--namespace", namespace, "--selector", selector, "--ignore-not-found")

    def _uninstall(self, deployment_id: str, keep: set[tuple[str, str]]) -> None:
        for release in self._releases(*EVERY_STATUS, deployment_id=deployment_id):
            if (release["namespace"], release["name"]) not in keep:
                self._helm("uninstall", release["name"], "--namespace", release["namespace"], "--wait")

    def _releases(self, *statuses: str, deployment_id: str | None = None) -> list[dict[str, Any]]:
        selector = f"{OWNER}={self._owner}" + (f",{DEPLOYMENT}={deployment_id}" if deployment_id else "")
        arguments = ("list", "--all-namespaces", "--max", "0", "--selector", selector, "--output", "json", *statuses)
        return list(json.loads(self._helm(*arguments)))

    def _helm(self, *arguments: str, timeout: float = LOOK_TIMEOUT) -> bytes:
        return self._run((*self._helm_command, *arguments), timeout)

    def _kubectl(self, *arguments: str, stdin: bytes = b"") -> bytes:
        return self._run(("kubectl", *arguments), LOOK_TIMEOUT, stdin)

    def _run(self, command: Sequence[str], timeout: float, stdin: bytes = b"") -> bytes:
        try:
            return run(command, self._environment, timeout, stdin)
        except CommandError as error:
            raise WorkloadError(str(error)) from error


def release_of(deployment_id: str, component: str) -> str:
    """The name of the release of one component: readable, a DNS label, and no other deployment's."""
    mark = digest_of(f"{deployment_id.lower()}/{component}".encode())[7:17]
    return f"{component[: NAME_LENGTH - len(mark) - 1].strip('-') or 'component'}-{mark}"


def values_of(component: Component) -> dict[str, Any]:
    """The parameters as chart values; a pointer is a path whose steps stand between dots. Raises WorkloadError."""
    values: dict[str, Any] = {}
    for pointer, value in component.parameters.items():
        *path, last = [step.replace("\\.", ".") for step in DOT.split(pointer)]
        place = values
        for step in path:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise WorkloadError(f"{component.name}: two parameters stand in each other's way at {pointer!r:.100}")
        if isinstance(place.get(last), dict):
            raise WorkloadError(f"{component.name}: two parameters stand in each other's way at {pointer!r:.100}")
        place[last] = value
    return values
