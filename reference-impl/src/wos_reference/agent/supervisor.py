"""The verbs of the test control for role agent: one child process, and state folders below one folder."""

import json
import logging
import math
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wos_reference.agent.configuration import load
from wos_reference.agent.process import end_with
from wos_reference.agent.runtime import Runtime, Workload
from wos_reference.agent.runtime.selection import runtime_of

log = logging.getLogger(__name__)

STATE = re.compile(r"[a-z0-9-]{1,64}")
STOP_PATIENCE = 5.0  # seconds until an agent that does not stop is killed
TEXTS = ("wosUrl", "svidPem", "keyPem", "trustBundlePem")
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
    """At most one agent process, and the storage of many."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self._folder = folder
        self._command = command
        self._agent: subprocess.Popen[bytes] | None = None
        self._verbs: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "start": self.start,
            "stop": self.stop,
            "cut": self.cut,
            "wipe": self.wipe,
            "workloads": self.workloads,
        }

    def carry_out(self, verb: str, content: dict[str, Any]) -> dict[str, Any]:
        """Carry out one verb with its body; returns what is answered. Raises RefusalError."""
        if verb not in self._verbs:
            raise RefusalError(404, f"an agent has no verb {verb!r:.100}; it has {', '.join(self._verbs)}")
        return self._verbs[verb](content)

    def start(self, content: dict[str, Any]) -> dict[str, Any]:
        """Write the configuration and start the agent. Raises RefusalError."""
        state = state_name(content)
        check_start(content)
        if self._runs():
            raise RefusalError(409, "an agent runs already; stop or cut it first")
        file = self._configuration(state)
        write_configuration(file, self._storage(state), content)
        self._agent = subprocess.Popen(
            [*self._command, "--config", str(file)],
            stdin=subprocess.DEVNULL,
            preexec_fn=end_with(os.getpid()),
        )
        return {}

    def stop(self, content: dict[str, Any]) -> dict[str, Any]:
        """End the agent in an orderly way; nothing to do if none runs."""
        if self._agent is not None and self._runs():
            self._agent.terminate()
            try:
                self._agent.wait(STOP_PATIENCE)
            except subprocess.TimeoutExpired:
                log.error("the agent did not stop within %s s and is killed", STOP_PATIENCE)
        return self.cut(content)

    def cut(self, content: dict[str, Any]) -> dict[str, Any]:
        """End the agent without a chance to say goodbye; nothing to do if none runs."""
        if self._agent is not None:
            self._agent.kill()
            self._agent.wait()
        return {}

    def wipe(self, content: dict[str, Any]) -> dict[str, Any]:
        """Remove a state folder and its workloads. Raises RefusalError while an agent runs."""
        state = state_name(content)
        if self._runs():
            raise RefusalError(409, "an agent runs; stop or cut it first")
        for deployment_id in {workload.deployment_id for workload in self._running(state)}:
            self._runtime(state).remove(deployment_id)
        for folder in (self._storage(state), self._folder / "configuration" / state):
            shutil.rmtree(folder, ignore_errors=not folder.exists())
        return {}

    def workloads(self, content: dict[str, Any]) -> dict[str, Any]:
        """What really runs with a state folder; nothing for one that was never used."""
        return {"workloads": [wire_workload(asdict(workload)) for workload in self._running(state_name(content))]}

    def end(self) -> None:
        """Leave no agent behind."""
        self.stop({})

    def _running(self, state: str) -> list[Workload]:
        return self._runtime(state).running() if self._configuration(state).exists() else []

    def _runtime(self, state: str) -> Runtime:
        return runtime_of(load(self._configuration(state)))

    def _configuration(self, state: str) -> Path:
        return self._folder / "configuration" / state / "agent.yaml"

    def _storage(self, state: str) -> Path:
        return self._folder / "state" / state

    def _runs(self) -> bool:
        return self._agent is not None and self._agent.poll() is None


def wire_workload(workload: dict[str, Any]) -> dict[str, Any]:
    """A workload with the member names of the contract, which has no namespaces."""
    workload.pop("namespace")
    return {"deploymentId": workload.pop("deployment_id"), **workload}


def state_name(content: dict[str, Any]) -> str:
    """The name of the state folder in a request. Raises RefusalError."""
    state = content.get("state")
    if not isinstance(state, str) or not STATE.fullmatch(state):
        raise RefusalError(400, f"state is {state!r:.100}; expected 1 to 64 lower-case letters, digits and hyphens")
    return state


def check_start(content: dict[str, Any]) -> None:
    """Check the values of `start`. Raises RefusalError."""
    for name in TEXTS:
        if not isinstance(content.get(name), str):
            raise RefusalError(400, f"{name} is missing or not a text")
    for name in TIMES:
        value = content.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise RefusalError(400, f"{name} is {value!r:.100}; expected seconds above 0")
    if not isinstance(content.get("capabilities"), dict):
        raise RefusalError(400, "capabilities is missing or not an object")
    url = urlsplit(content["wosUrl"])
    if url.scheme != "https" or url.path not in ("", "/"):
        raise RefusalError(400, f"wosUrl is {content['wosUrl']!r:.100}; expected https://host:port without a path")


def write_configuration(file: Path, storage: Path, content: dict[str, Any]) -> None:
    """Write everything that the agent reads at its start: `file`, and what it names beside it."""
    folder = file.parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(folder / "svid.pem", content["svidPem"])
    write_private(folder / "key.pem", content["keyPem"])
    write_private(folder / "trust-bundle.pem", content["trustBundlePem"])
    write_private(folder / "capabilities.json", json.dumps(content["capabilities"]))
    configuration = {
        "wos_url": content["wosUrl"],
        "svid": "svid.pem",
        "key": "key.pem",
        "trust_bundle": "trust-bundle.pem",
        "capabilities": "capabilities.json",
        "state": str(storage.resolve()),
        "owner": storage.name,
        **{ours: float(content[theirs]) for theirs, ours in TIMES.items()},
    }
    write_private(file, json.dumps(configuration))  # JSON is YAML, and needs no writer of its own


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, whatever was there before."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)
