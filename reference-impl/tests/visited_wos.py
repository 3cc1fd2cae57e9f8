"""The reference WOS as a process, clients that visit it, and its operator."""

import hashlib
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
from trust_domain import Credential, TrustDomain

from wos_reference.wos.operation import Operation

WOS_ID = "spiffe://plant.example/margo/wfm/main"
TOKEN = "a token of the tests"
PATIENCE = 30.0
MANIFEST = "/api/v1/deployments"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
APPLICATION = {
    "apiVersion": "margo.org/v1-alpha1",
    "id": "com-example-mixer",
    "metadata": {"name": "Mixer", "version": "1.0.0"},
    "deploymentProfiles": [
        {
            "type": "compose",
            "id": "small",
            "components": [{"name": "mixer", "properties": {"repository": "oci://r.example/m", "revision": "1.0.0"}}],
        }
    ],
    "parameters": {"rate": {"value": 10, "targets": [{"pointer": "RATE", "components": ["mixer"]}]}},
}


def capabilities(device_id: str) -> dict[str, Any]:
    """The least that a device announces which takes deployments."""
    identity = {"id": device_id, "vendor": "Example", "modelNumber": "E1", "serialNumber": "7"}
    return {"properties": {**identity, "supportedDeploymentTypes": ["compose", "custom"]}}


def status(deployment_id: str, state: str = "installed") -> dict[str, Any]:
    """A report about the one component."""
    return {
        "deploymentId": deployment_id,
        "adoptedManifestVersion": 2,
        "status": {"state": state},
        "components": [{"name": "mixer", "state": state}],
    }


def digest_of(content: bytes) -> str:
    """As the specification writes it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def assert_problem(answer: httpx.Response, expected: int, kind: str = "") -> None:
    """A problem document of this type, which asking again does not solve."""
    assert answer.status_code == expected, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    value = answer.json()
    assert value["status"] == expected
    assert value["type"].endswith(f"#{kind}") if kind else value["type"] == "about:blank"
    assert value["retryable"] is False


def identity_service(folder: Path, trust_domain: TrustDomain, **settings: Any) -> dict[str, Any]:
    """The configuration of an identity service whose authority is below the root."""
    issuer, host = trust_domain.issue(authority=True, days=0.5), trust_domain.issue_for_host("127.0.0.1")
    for name, credential in (("issuer", issuer), ("host", host)):
        (folder / f"{name}.pem").write_bytes(credential.certificate_pem)
        (folder / f"{name}-key.pem").write_bytes(credential.key_pem)
    return {
        "listen": "127.0.0.1:0",
        "certificate": str(folder / "host.pem"),
        "key": str(folder / "host-key.pem"),
        "issuer": str(folder / "issuer.pem"),
        "issuer_key": str(folder / "issuer-key.pem"),
        "approval_retry": 1,
        **settings,
    }


class Wos:
    """One WOS with its storage; it may be killed and started again. `settings` are those of its configuration."""

    def __init__(self, folder: Path, trust_domain: TrustDomain, **settings: Any) -> None:
        self.folder = folder
        self.trust_domain = trust_domain
        credential = trust_domain.issue(WOS_ID)
        (folder / "wos.pem").write_bytes(credential.certificate_pem)
        (folder / "wos-key.pem").write_bytes(credential.key_pem)
        (folder / "root.pem").write_bytes(trust_domain.root.certificate_pem)
        (folder / "token").write_text(TOKEN)
        configuration = {
            "listen": "127.0.0.1:0",
            "operator_listen": "127.0.0.1:0",
            "svid": str(folder / "wos.pem"),
            "key": str(folder / "wos-key.pem"),
            "trust_bundle": str(folder / "root.pem"),
            "operator_token_file": str(folder / "token"),
            "database": f"sqlite:///{folder / 'wos.sqlite3'}",
            "ready_file": str(folder / "ready.json"),
            **settings,
        }
        (folder / "wos.yaml").write_text(json.dumps(configuration))
        self._open = ExitStack()
        self.start()

    def start(self) -> None:
        """Start, with whatever the storage holds."""
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "wos_reference.wos", "serve", "--config", str(self.folder / "wos.yaml")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not ready.exists():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.01)
        facts = json.loads(ready.read_bytes())
        self.url, self.control_url = facts["wosUrl"], facts["controlUrl"]
        self.identity_url = facts.get("identityUrl", "")
        headers = {"authorization": f"Bearer {TOKEN}"}
        self.operator = httpx.Client(base_url=self.control_url, headers=headers, trust_env=False, timeout=PATIENCE)
        self._open.callback(self.operator.close)

    def kill(self) -> None:
        """End without warning."""
        self._process.kill()
        self._process.wait()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        self._process.send_signal(number)

    def wait(self) -> None:
        """Wait for an orderly end."""
        assert self._process.wait(PATIENCE) in (0, -signal.SIGTERM)

    def close(self) -> None:
        """End in an orderly way."""
        self._open.close()
        self.send_signal(signal.SIGTERM)
        self.wait()

    def visitor(self, credential: Credential | None) -> httpx.Client:
        """Somebody who shows this certificate, or none."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=self.trust_domain.root.certificate_pem.decode())
        if credential is not None:
            path = self.folder / f"{credential.certificate.serial_number}.pem"
            path.write_bytes(credential.key_pem + credential.certificate_pem)
            context.load_cert_chain(path)
        visitor = httpx.Client(base_url=self.url, verify=context, trust_env=False, timeout=PATIENCE)
        self._open.callback(visitor.close)
        return visitor

    def do(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """A verb of the test control that succeeds."""
        answer = self.operator.post(f"/control/v1/{verb}", json=arguments)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def overview(wos: Wos) -> Iterator[Any]:
    """All clients as the command gets them."""
    with Operation(wos.control_url, TOKEN) as operation:
        yield from operation.overview()


class Client:
    """One accepted client with a device."""

    def __init__(self, wos: Wos, name: str) -> None:
        self.wos = wos
        self.spiffe_id = f"{WOS_ID}/client/{name}"
        self.device_id = f"device-of-{name}"
        self.credential = wos.trust_domain.issue(self.spiffe_id)
        wos.do("admit", spiffeId=self.spiffe_id)
        self.reconnect()

    def reconnect(self) -> None:
        """Visit the WOS where it is now."""
        self.http = self.wos.visitor(self.credential)

    def announce(self, device_id: str = "") -> httpx.Response:
        """Announce the device, or another one."""
        name = device_id or self.device_id
        return self.http.put(f"/api/v1/capabilities/{name}", json=capabilities(name))

    def withdraw_device(self, device_id: str = "") -> httpx.Response:
        """Withdraw the device, or another one."""
        return self.http.delete(f"/api/v1/capabilities/{device_id or self.device_id}")

    def assignment(self, **changes: Any) -> dict[str, Any]:
        """What an operator says to have the application assigned."""
        wanted = {"application": APPLICATION, "profileId": "small"}
        return {"spiffeId": self.spiffe_id, "deviceId": self.device_id, **wanted, **changes}

    def assign(self, **changes: Any) -> str:
        """Have the application assigned; the id of the deployment."""
        return str(self.wos.do("assign", **self.assignment(**changes))["deploymentId"])

    def manifest(self) -> dict[str, Any]:
        """The current manifest."""
        return dict(self.http.get(MANIFEST).json())

    def view(self) -> dict[str, Any]:
        """What the operator sees, but for the age of reports."""
        shown = self.wos.do("view", spiffeId=self.spiffe_id)
        for deployment in shown["deployments"]:
            deployment.pop("ageSeconds", None)
        return shown

    def report(self, deployment_id: str, state: str = "installed") -> httpx.Response:
        """Report a state."""
        return self.http.post(f"{MANIFEST}/{deployment_id}/status", json=status(deployment_id, state))


def problem_of(answer: Any) -> tuple[int, str]:
    """Status and kind of an answer, which must be a problem document."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    value = answer.json()
    assert value["status"] == answer.status_code
    assert value["title"]
    return answer.status_code, value["type"].rpartition("#")[2]


def raw(client: Client, sent: bytes) -> tuple[int, str]:
    """Status and kind of the problem that exactly these bytes are answered with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=client.wos.trust_domain.root.certificate_pem.decode())
    context.load_cert_chain(client.wos.folder / f"{client.credential.certificate.serial_number}.pem")
    host, port = client.wos.url.removeprefix("https://").split(":")
    with socket.create_connection((host, int(port)), PATIENCE) as plain, context.wrap_socket(plain) as tls:
        tls.sendall(sent)
        received = b""
        while b"\r\n\r\n" not in received or not received.endswith(b"}"):
            part = tls.recv(65536)
            assert part, received
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    value = json.loads(body)
    assert value["status"] == int(head.split()[1])
    return value["status"], value["type"].rpartition("#")[2]
