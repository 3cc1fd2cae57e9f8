"""The verbs of the test control for role agent: one child process, and state folders below one folder.

The child is forked, so that an agent runs at once and does not load its program at each start: this process has no
threads.
"""

import json
import logging
import math
import multiprocessing
import os
import re
import shutil
from collections.abc import Callable
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wos_reference.agent.agent import device_id_of
from wos_reference.agent.configuration import load
from wos_reference.agent.files import replace_file
from wos_reference.agent.ledger import release_state
from wos_reference.agent.process import end_with
from wos_reference.agent.runtime import Runtime, Workload
from wos_reference.agent.runtime.selection import runtime_of

log = logging.getLogger(__name__)

FORK = multiprocessing.get_context("fork")
STATE = re.compile(r"[a-z0-9-]{1,64}")
STOP_PATIENCE = 5.0  # seconds until an agent that does not stop is killed
IDENTITY = {"svidPem": "svid", "keyPem": "key", "trustBundlePem": "trust_bundle"}
FILES = IDENTITY | {"registryAnchorsPem": "registry_anchors"}
TEXTS = ("wosUrl", *IDENTITY)
TIMES = {
    "pollIntervalSeconds": "poll_interval",
    "requestTimeoutSeconds": "request_timeout",
    "maxBackoffSeconds": "max_backoff",
}


class RefusalError(Exception):
    """The request itself was wrong; `status` is the one to answer with."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Supervisor:
    """At most one agent process that runs, and the storage of many."""

    def __init__(self, folder: Path, program: Callable[[Path], None]) -> None:
        """`program` is what the process of an agent does with its configuration."""
        self._folder = folder
        self._program = program
        self._agent: ForkProcess | None = None
        self._verbs: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "start": self.start,
            "stop": self.stop,
            "cut": self.cut,
            "wipe": self.wipe,
            "workloads": self.workloads,
            "delete_workload": self.delete_workload,
            "set_capabilities": self.set_capabilities,
            "release": self.release,
            "time_scale": self.time_scale,
        }
        self._started = ""
        self._factor = 1.0

    def carry_out(self, verb: str, content: dict[str, Any]) -> dict[str, Any]:
        """Carry out one verb with its body; returns what is answered. Raises RefusalError."""
        if verb not in self._verbs:
            raise RefusalError(501, f"an agent has no verb {verb!r:.100}; it has {', '.join(self._verbs)}")
        return self._verbs[verb](content)

    def start(self, content: dict[str, Any]) -> dict[str, Any]:
        """Write the configuration and start the agent. Raises RefusalError."""
        state = state_name(content)
        check_start(content)
        if self._runs():
            raise RefusalError(409, "an agent runs already; stop or cut it first")
        file = self._configuration(state)
        write_configuration(file, self._storage(state), content, self._factor)
        self._started = state
        self._agent = FORK.Process(target=run_below, args=(os.getpid(), self._program, file))
        self._agent.start()
        return {}

    def stop(self, content: dict[str, Any]) -> dict[str, Any]:
        """End the agent in an orderly way; nothing to do if none runs."""
        if self._agent is not None and self._runs():
            self._agent.terminate()
            self._agent.join(STOP_PATIENCE)
            if self._runs():
                log.error("the agent did not stop within %s s and is killed", STOP_PATIENCE)
        return self.cut(content)

    def cut(self, content: dict[str, Any]) -> dict[str, Any]:
        """End the agent without a chance to say goodbye; nothing to do if none runs."""
        if self._agent is not None:
            self._agent.kill()
            self._agent.join()
        return {}

    def wipe(self, content: dict[str, Any]) -> dict[str, Any]:
        """Remove a state folder and its workloads. Raises RefusalError while an agent runs."""
        state = state_name(content)
        if self._runs():
            raise RefusalError(409, "an agent runs; stop or cut it first")
        if self._configuration(state).exists():
            for deployment_id in self._runtime(state).deployments():
                self._runtime(state).remove(deployment_id)
        for folder in (self._storage(state), self._folder / "configuration" / state):
            shutil.rmtree(folder, ignore_errors=not folder.exists())
        return {}

    def workloads(self, content: dict[str, Any]) -> dict[str, Any]:
        """What really runs with a state folder; nothing for one that was never used."""
        state = state_name(content)
        return {"workloads": [wire_workload(workload, self._own_device(state)) for workload in self._running(state)]}

    def delete_workload(self, content: dict[str, Any]) -> dict[str, Any]:
        """Take a component away behind the agent's back. Raises RefusalError if it does not run."""
        state, deployment_id, component = state_name(content), content.get("deploymentId"), content.get("component")
        for workload in self._running(state):
            if (workload.deployment_id, workload.component) == (deployment_id, component):
                self._runtime(state).lose(workload.deployment_id, workload.component)
                return {}
        raise RefusalError(409, f"{component!r:.100} of {deployment_id!r:.100} does not run")

    def set_capabilities(self, content: dict[str, Any]) -> dict[str, Any]:
        """Change what the device of the running agent offers. Raises RefusalError if none runs."""
        if not self._runs():
            raise RefusalError(409, "no agent runs")
        check_offers(content)
        write_offers(self._configuration(self._started).parent, content)
        return {}

    def release(self, content: dict[str, Any]) -> dict[str, Any]:
        """Let the agent of a state folder forget its WOS; what runs stays."""
        state = state_name(content)
        self.stop({})
        if self._storage(state).exists():
            release_state(self._storage(state))
        return {}

    def time_scale(self, content: dict[str, Any]) -> dict[str, Any]:
        """From the next start on, let the agent's seconds be shorter. Raises RefusalError."""
        factor = content.get("factor")
        if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 1 <= factor <= 100_000:
            raise RefusalError(400, f"factor is {factor!r:.100}; expected 1 to 100000")
        self._factor = float(factor)
        return {}

    def end(self) -> None:
        """Leave no agent behind."""
        self.stop({})

    def _own_device(self, state: str) -> str | None:
        file = self._configuration(state).parent / "capabilities.json"
        return device_id_of(file.read_bytes(), file) if file.exists() else None

    def _running(self, state: str) -> list[Workload]:
        return self._runtime(state).running() if self._configuration(state).exists() else []

    def _runtime(self, state: str) -> Runtime:
        return runtime_of(load(self._configuration(state)))

    def _configuration(self, state: str) -> Path:
        return self._folder / "configuration" / state / "agent.yaml"

    def _storage(self, state: str) -> Path:
        return self._folder / "state" / state

    def _runs(self) -> bool:
        return self._agent is not None and self._agent.is_alive()


def run_below(parent: int, program: Callable[[Path], None], configuration: Path) -> None:
    """What the process of an agent does: run, and end no later than its parent."""
    if bind := end_with(parent):
        bind()
    program(configuration)


def wire_workload(workload: Workload, own_device: str | None) -> dict[str, Any]:
    """A workload with the member names of the contract; its device is named when it is not the own one."""
    content: dict[str, Any] = {
        "deploymentId": workload.deployment_id,
        "component": workload.component,
        "type": workload.type,
        "repository": workload.repository,
        "revision": workload.revision,
        "parameters": workload.parameters,
    }
    if workload.type == "helm":
        content["namespace"] = workload.namespace
    return content if workload.device_id == own_device else content | {"deviceId": workload.device_id}


def state_name(content: dict[str, Any]) -> str:
    """The name of the state folder in a request. Raises RefusalError."""
    state = content.get("state")
    if not isinstance(state, str) or not STATE.fullmatch(state):
        raise RefusalError(400, f"state is {state!r:.100}; expected 1 to 64 lower-case letters, digits and hyphens")
    return state


def check_start(content: dict[str, Any]) -> None:
    """Check the values of `start`. Raises RefusalError."""
    service = content.get("identityService")
    if service is not None and not (isinstance(service, dict) and isinstance(service.get("url"), str)):
        raise RefusalError(400, "identityService is not an object with a url")
    for name in TEXTS:
        if not isinstance(content.get(name), str) and not (service and name in IDENTITY and name not in content):
            raise RefusalError(400, f"{name} is missing or not a text")
    if not isinstance(content.get("registryAnchorsPem", ""), str):
        raise RefusalError(400, "registryAnchorsPem is not a text")
    for name in TIMES:
        value = content.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise RefusalError(400, f"{name} is {value!r:.100}; expected seconds above 0")
    check_offers(content)
    url = urlsplit(content["wosUrl"])
    if url.scheme != "https" or url.path not in ("", "/"):
        raise RefusalError(400, f"wosUrl is {content['wosUrl']!r:.100}; expected https://host:port without a path")


def check_offers(content: dict[str, Any]) -> None:
    """Check the capabilities documents of a request. Raises RefusalError."""
    children = content.get("children", [])
    if not isinstance(children, list) or not all(isinstance(d, dict) for d in [content.get("capabilities"), *children]):
        raise RefusalError(400, "capabilities is not an object, or children is not a list of objects")


def write_offers(folder: Path, content: dict[str, Any]) -> None:
    """Write the capabilities documents of a request; children that are not mentioned stay as they are."""
    write_private(folder / "capabilities.json", json.dumps(content["capabilities"]))
    if "children" in content:
        write_private(folder / "children.json", json.dumps(content["children"]))


def write_configuration(file: Path, storage: Path, content: dict[str, Any], factor: float) -> None:
    """Write everything that the agent reads at its start: `file`, and what it names beside it."""
    folder = file.parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = {setting: f"{setting}.pem" for member, setting in FILES.items() if member in content}
    for member, setting in FILES.items():
        if member in content:
            write_private(folder / files[setting], content[member])
    write_offers(folder, {"children": [], **content})
    configuration = {
        "wos_url": content["wosUrl"],
        **files,
        "identity_service": write_identity_service(folder, content.get("identityService")),
        "capabilities": "capabilities.json",
        "children": "children.json",
        "poll_windows": content.get("pollWindows", []),
        "state": str(storage.resolve()),
        "owner": storage.name,
        **{ours: float(content[theirs]) / factor for theirs, ours in TIMES.items()},
    }
    write_private(file, json.dumps(configuration))  # JSON is YAML, and needs no writer of its own


def write_identity_service(folder: Path, service: dict[str, Any] | None) -> dict[str, Any] | None:
    """Write the files that belong to the identity service; its part of the configuration."""
    if service is None:
        return None
    names = {"anchorsPem": "anchors", "factoryPem": "factory", "factoryKeyPem": "factory_key"}
    for member, setting in names.items():
        if member in service:
            write_private(folder / f"{setting}.pem", service[member])
    files = {setting: f"{setting}.pem" for member, setting in names.items() if member in service}
    return {"url": service["url"], "enrolment_code": service.get("enrolmentCode"), **files}


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    replace_file(file, text.encode())
