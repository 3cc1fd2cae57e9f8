"""Facades of an agent: they are started, and do nothing that an agent is for."""

import json
import ssl
import tempfile
import threading
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from facades import control
from facades.recording import Recording

POLL = "/api/v1/deployments"
PAUSE = 0.05


class Life:
    """One start of a facade, until it is stopped."""

    def __init__(self, start: dict[str, Any], live: Callable[["Life"], None]) -> None:
        self.start = start
        self.over = threading.Event()
        self._context = _context(start)
        if live is not never_calls:
            threading.Thread(target=self._live, args=(live,), daemon=True).start()

    def _live(self, live: Callable[["Life"], None]) -> None:
        while not self.over.wait(PAUSE):
            with suppress(OSError, HTTPException, ValueError, KeyError):
                live(self)

    def call(self, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, str, bytes]:
        """Status, tag and body of the answer to a request on a connection of its own."""
        where = urlsplit(self.start["wosUrl"])
        connection = HTTPSConnection(where.hostname or "", where.port, context=self._context, timeout=2)
        try:
            connection.request(method, target, body or None, headers)
            response = connection.getresponse()
            return response.status, response.getheader("ETag", ""), response.read()
        finally:
            connection.close()

    def announce(self) -> None:
        """Say what the device is."""
        device = quote(self.start["capabilities"]["properties"]["id"], safe="/")
        body = json.dumps(self.start["capabilities"]).encode()
        self.call("PUT", f"/api/v1/capabilities/{device}", {"Content-Type": "application/json"}, body)


def never_calls(life: Life) -> None:
    """Do nothing."""


def polls_and_says_nothing(life: Life) -> None:
    """Announce once, then poll with the newest tag."""
    life.announce()
    tag = ""
    while not life.over.wait(PAUSE):
        _, tag, _ = life.call("GET", POLL, _headers(tag))


def says_installed_at_once(life: Life) -> None:
    """Announce once, then poll, and report each deployment of a new manifest as installed."""
    life.announce()
    tag = ""
    while not life.over.wait(PAUSE):
        status, new, body = life.call("GET", POLL, _headers(tag))
        if status == 200:
            tag = new
            manifest = json.loads(body)
            for entry in manifest["deployments"]:
                _report(life, entry["deploymentId"], manifest["manifestVersion"])


def _headers(tag: str) -> dict[str, str]:
    accept = {"Accept": "application/vnd.margo.manifest.v1+json"}
    return accept | ({"If-None-Match": tag} if tag else {})


def _report(life: Life, deployment: str, version: int) -> None:
    report = {
        "apiVersion": "deployment.margo.org/v1alpha1",
        "kind": "DeploymentStatusManifest",
        "deploymentId": deployment,
        "adoptedManifestVersion": version,
        "status": {"state": "installed"},
        "components": [{"name": "main", "state": "installed"}],
    }
    headers = {"Content-Type": "application/json"}
    life.call("POST", f"{POLL}/{deployment}/status", headers, json.dumps(report).encode())


def serve(name: str, recording: Path, options: Namespace) -> None:
    """Be started and stopped by the test control."""
    lives: list[Life] = []
    live = _replaying(recording) if name == "replays_a_recording" else globals()[name]

    def carry_out(verb: str, body: dict[str, Any]) -> None:
        if verb == "start":
            lives.append(Life(body, live))
        elif verb in ("stop", "cut") and lives:
            lives.pop().over.set()

    control.say_ready(Path(options.ready_file), {"url": control.listen(carry_out)})


def _replaying(recording: Path) -> Callable[[Life], None]:
    requests = Recording(recording).requests()

    def replay(life: Life) -> None:
        for request in requests:
            if life.over.is_set():
                return
            life.call(*request)

    return replay


def _context(start: dict[str, Any]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=start["trustBundlePem"])
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(start["keyPem"] + start["svidPem"])
        file.flush()
        context.load_cert_chain(file.name)
    return context
