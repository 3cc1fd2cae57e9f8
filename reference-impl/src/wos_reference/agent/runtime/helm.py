"""Runs Helm charts on a Kubernetes API: one release per component, labelled by owner and deployment.

What runs is read from the releases and the objects they name; releases without the owner's label are never touched.
"""

import json
import os
import re
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from wos_reference.agent.configuration import Engines
from wos_reference.agent.desired_state import digest_of
from wos_reference.agent.document import Component, Document
from wos_reference.agent.process import CommandError, run
from wos_reference.agent.runtime import RetrievalError, Workload, WorkloadError, exact, read_claim, workloads_of
from wos_reference.agent.runtime.registry import host_of

OWNER, DEPLOYMENT = "wos-owner", "wos-deployment"
LOOK_TIMEOUT = 60.0  # seconds for a question to the cluster
PULL_TIMEOUT = 120.0
GRACE = 2.0  # seconds that helm gets beyond the timeout it was told
EVERY_STATUS = ("--deployed", "--failed", "--pending", "--uninstalling")
NAME_LENGTH = 53
CONTENTS_KEPT = 256  # revisions whose content need not be asked for again
GONE = "release: not found"
LATE = re.compile("timed out|deadline exceeded|took longer")


class Content(NamedTuple):
    """What a revision of a release is made of, and the component that it claims to be."""

    manifest: bytes
    objects: int
    claim: list[Workload]


class HelmRuntime:
    """See Runtime; `environment` tells helm and kubectl where the cluster is."""

    def __init__(self, root: Path, engines: Engines, environment: dict[str, str], apply_time: float) -> None:
        self._root = root
        self._owner = digest_of(engines.owner.encode())[7:39]  # any text is an owner, but not any text is a label
        self._plain_http = engines.plain_http_registries
        self._anchors = engines.registry_anchors
        self._helm_command = engines.helm_command
        self._apply_time = apply_time
        self._environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(root)} | environment
        self._content_of = lru_cache(CONTENTS_KEPT)(self._read_content)

    def install(self, document: Document) -> None:
        """See Runtime.install; a component that runs as it should is left alone."""
        wanted = {(document.namespace, release_of(document.deployment_id, c.name)) for c in document.components}
        self._uninstall(document.deployment_id, keep=wanted)
        running = {exact(workload) for workload in self.running(document.deployment_id)}
        for component, workload in zip(document.components, workloads_of(document), strict=True):
            if exact(workload) not in running:
                self._install(component, workload)

    def _install(self, component: Component, workload: Workload) -> None:
        try:
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryDirectory(dir=self._root) as folder:
                self._upgrade(self._pull(component, Path(folder)), component, workload)
        except WorkloadError as error:
            error.component = component.name
            raise
        except OSError as error:
            raise WorkloadError(f"cannot use {self._root}: {error}", component=component.name) from error

    def remove(self, deployment_id: str) -> None:
        """See Runtime.remove; the namespace stays, because others may use it."""
        self._uninstall(deployment_id, keep=set())

    def running(self, deployment_id: str | None = None) -> list[Workload]:
        """See Runtime.running; a component runs when its release is deployed and each of its objects is there."""
        releases = self._releases("--deployed", deployment_id=deployment_id)
        return [workload for release in releases for workload in self._running(release)]

    def deployments(self) -> set[str]:
        """See Runtime.deployments."""
        labels = ("--selector", f"owner=helm,{OWNER}={self._owner}", f"--label-columns={DEPLOYMENT}")
        lines = self._kubectl("get", "secret", "--all-namespaces", "--no-headers", *labels).decode().splitlines()
        return {line.split()[-1] for line in lines}

    def lose(self, deployment_id: str, component: str) -> None:
        """See Runtime.lose; the release stays, its objects go."""
        name = release_of(deployment_id, component)
        for release in self._releases("--deployed", deployment_id=deployment_id):
            if release["name"] == name:
                place = ("--namespace", release["namespace"])
                manifest = self._helm("get", "manifest", name, *place)
                self._kubectl("delete", *place, "--wait=false", "--filename=-", stdin=manifest)
                return
        raise WorkloadError(f"{component} of {deployment_id} does not run")

    def _running(self, release: dict[str, Any]) -> list[Workload]:
        try:
            place = (release["name"], "--namespace", release["namespace"])
            content = self._content_of(place, release["revision"], release["updated"])
        except WorkloadError as error:
            if GONE in str(error):  # it was removed between the two questions
                return []
            raise
        question = ("get", "--namespace", release["namespace"], "--ignore-not-found", "--output=name", "--filename=-")
        found = self._kubectl(*question, stdin=content.manifest)
        return content.claim if len(found.split()) == content.objects else []

    def _read_content(self, place: tuple[str, ...], revision: str, updated: str) -> Content:
        """What was installed as a revision of a release at some time, which never changes."""
        status = json.loads(self._helm("status", *place, "--revision", revision, "--output", "json"))
        manifest = status.get("manifest", "").encode()
        objects = sum(document is not None for document in yaml.load_all(manifest, yaml.CBaseLoader))
        return Content(manifest, objects, read_claim(status["info"]["description"]))

    def _pull(self, component: Component, folder: Path) -> Path:
        """The chart of a component in `folder`; helm checks the digests."""
        trust = ("--ca-file", str(self._anchors.absolute())) if self._anchors else ()
        plain = ("--plain-http",) if host_of(component.repository) in self._plain_http else trust
        version = component.revision.replace("_", "+")
        try:
            arguments = ("pull", component.repository, "--version", version, "--destination", str(folder), *plain)
            self._helm(*arguments, timeout=PULL_TIMEOUT)
            return next(folder.glob("*.tgz"))
        except (WorkloadError, StopIteration) as error:
            raise RetrievalError(str(error)) from error

    def _upgrade(self, chart: Path, component: Component, workload: Workload) -> None:
        release = release_of(workload.deployment_id, component.name)
        self._clear_interrupted(release, workload.namespace)
        values = chart.with_name("values.json")
        values.write_text(json.dumps(values_of(component)))
        self._require_inside(release, chart, values, workload.namespace)
        arguments = ["upgrade", release, str(chart), "--install", "--reset-values", "--values", str(values)]
        arguments += ["--namespace", workload.namespace, "--create-namespace", "--description", exact(workload)]
        arguments += ["--labels", f"{OWNER}={self._owner},{DEPLOYMENT}={workload.deployment_id}"]
        timeout = component.timeout or self._apply_time
        arguments += ["--timeout", f"{timeout:.0f}s", *(["--wait"] if component.wait else [])]
        arguments += ["--no-hooks", "--skip-crds"]
        try:
            self._helm(*arguments, timeout=timeout + GRACE)
        except WorkloadError as error:
            raise WorkloadError(str(error), code="timeout" if LATE.search(str(error)) else error.code) from error

    def _require_inside(self, release: str, chart: Path, values: Path, namespace: str) -> None:
        """Refuse a chart with objects outside the namespace of its deployment. Raises WorkloadError."""
        settings = ("--namespace", namespace, "--values", str(values), "--no-hooks", "--skip-crds")
        rendered = self._helm("template", release, str(chart), *settings)
        kinds = self._kubectl("api-resources", "--namespaced=false", "--no-headers").decode().splitlines()
        cluster_wide = {line.split()[-1] for line in kinds if line.strip()}
        for item in yaml.load_all(rendered, yaml.CSafeLoader):
            if not isinstance(item, dict):
                continue
            place = (item.get("metadata") or {}).get("namespace", namespace)
            if item.get("kind") in cluster_wide or place != namespace:
                raise WorkloadError(f"the chart has a {item.get('kind')} outside the namespace of its deployment")

    def _clear_interrupted(self, release: str, namespace: str) -> None:
        """Forget a revision whose installation was cut short; helm would wait for its end for ever."""
        selector = f"owner=helm,name={release},status in (pending-install,pending-upgrade,pending-rollback)"
        self._kubectl("delete", "secret", "--namespace", namespace, "--selector", selector, "--ignore-not-found")

    def _uninstall(self, deployment_id: str, keep: set[tuple[str, str]]) -> None:
        for release in self._releases(*EVERY_STATUS, deployment_id=deployment_id):
            if (release["namespace"], release["name"]) not in keep:
                place = ("--namespace", release["namespace"])
                self._helm("uninstall", release["name"], *place, "--wait", "--ignore-not-found")

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
        *path, last = pointer.split(".")
        if not last or not all(path):
            raise WorkloadError(f"{pointer!r:.100} is not a path into values", code="parameter-unusable")
        place = values
        for step in path:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise WorkloadError(f"{pointer!r:.100} leads through a value", code="parameter-unusable")
        if isinstance(place.get(last), dict):
            raise WorkloadError(f"{pointer!r:.100} would replace other values", code="parameter-unusable")
        place[last] = value
    return values
