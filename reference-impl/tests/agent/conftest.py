"""A trust domain and a tiny scripted WOS on real sockets, and agents that run against it as processes of their own."""

import gzip
import hashlib
import io
import json
import os
import ssl
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from trust_domain import Credential, TrustDomain

SOURCES = Path(__file__).parents[2] / "src"
WOS_ID = "spiffe://plant.example/margo/wfm/main"
AGENT_ID = WOS_ID + "/client/press-7"
PATIENCE = 8.0
MANIFEST_TYPE = "application/vnd.margo.manifest.v1+json"
CAPABILITIES = {
    "properties": {
        "id": "press-7",
        "vendor": "Example",
        "modelNumber": "E1",
        "serialNumber": "0007",
        "cpus": [{"cores": 2, "architecture": "amd64"}],
        "memory": "2Gi",
        "storage": "59 Gi",
        "peripherals": [],
        "interfaces": [{"type": "ethernet"}],
        "otelCollector": True,
        "supportedRuntimes": ["oci"],
        "supportedDeploymentTypes": ["compose", "helm"],
    },
    "labels": {"hall": "north"},
}


@dataclass
class Exchange:
    """One request that the scripted WOS has read, and when."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def report(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


@dataclass
class Reply:
    """What the scripted WOS answers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def digest(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


def deployment_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def document(
    number: int,
    revision: str = "1.0.0",
    components: tuple[str, ...] = ("mixer",),
    value: Any = 12,
    *,
    kind: str = "compose",
    device: str = "press-7",
    pointer: str = "SPEED",
    repository: Callable[[str], str] = lambda component: "oci://r.example/m",
    properties: dict[str, Any] | None = None,
    constraints: dict[str, Any] | None = None,
) -> bytes:
    """A valid document for the deployment with this number."""
    content = {
        "id": deployment_id(number),
        "metadata": {"name": "mixer", "namespace": "mixer", "deviceId": device},
        "spec": {
            "applicationId": "com-example-mixer",
            "deploymentProfile": {
                "type": kind,
                "components": [
                    {
                        "name": name,
                        "properties": {"repository": repository(name), "revision": revision, **(properties or {})},
                    }
                    for name in components
                ],
                **({"deviceConstraints": constraints} if constraints else {}),
            },
            "parameters": {
                "speed": {"value": value, "targets": [{"pointer": pointer, "components": [components[0]]}]},
            },
        },
    }
    return yaml.dump(content, Dumper=PlainDumper).encode()


class PlainDumper(yaml.SafeDumper):
    """Writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def pack(members: dict[str, bytes]) -> bytes:
    """A tar archive in gzip."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, body in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return gzip.compress(stream.getvalue(), mtime=0)


class ScriptedWos:
    """Serves what it is given and remembers what was asked; `script` may answer in its place."""

    def __init__(self, trust_domain: TrustDomain, folder: Path, credential: Credential, newest_tls: str = "") -> None:
        self.drip = 0.0
        self.served: dict[str, Reply] = {}
        self.exchanges: list[Exchange] = []
        self.news = threading.Condition()
        self.script: Callable[[Exchange], Reply | None] = lambda exchange: None
        (folder / "root.pem").write_bytes(trust_domain.root.certificate_pem)
        (folder / "wos.pem").write_bytes(credential.key_pem + credential.certificate_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "wos.pem")
        context.load_verify_locations(folder / "root.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        context.maximum_version = ssl.TLSVersion[newest_tls or "MAXIMUM_SUPPORTED"]
        self._server = Listener(("127.0.0.1", 0), self.handler())
        self._server.context = context
        self.url = f"https://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.publish(1)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        wos = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = wos.answer(Exchange(self.command, self.path, headers, self.rfile.read(length)))
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.status != 304 and "Content-Length" not in reply.headers:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                for byte in reply.body if wos.drip else b"":
                    self.wfile.write(bytes([byte]))
                    time.sleep(wos.drip)
                self.wfile.write(b"" if wos.drip else reply.body)

            do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 -- the names are http.server's

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        return Handler

    def answer(self, exchange: Exchange) -> Reply:
        with self.news:
            self.exchanges.append(exchange)
            self.news.notify_all()
        return self.script(exchange) or self._usual(exchange)

    def _usual(self, exchange: Exchange) -> Reply:
        if exchange.method != "GET":
            return Reply(200)
        reply = self.served.get(exchange.path, Reply(404))
        tag = reply.headers.get("ETag")
        return Reply(304) if tag and tag == exchange.headers.get("if-none-match") else reply

    def publish(self, version: int, *documents: bytes, **changes: Any) -> None:
        """Serve a manifest with these documents; `changes` replace members of it."""
        entries, members = [], {}
        for body in documents:
            name = yaml.safe_load(body)["id"]
            url = f"/api/v1/deployments/{name}/{digest(body)}"
            entries.append({"deploymentId": name, "digest": digest(body), "url": url, "sizeBytes": 1})
            members[f"{name}.yaml"] = body
            self.served[url] = Reply(200, body)
        self.publish_entries(version, entries, pack(members) if members else None, **changes)

    def publish_entries(self, version: int, entries: list[Any], bundle: bytes | None, **changes: Any) -> None:
        reference = None
        if bundle is not None:
            url = f"/api/v1/bundles/{digest(bundle)}"
            self.served[url] = Reply(200, bundle)
            media_type = "application/vnd.margo.bundle.v1+tar+gzip"
            reference = {"mediaType": media_type, "digest": digest(bundle), "url": url}
        content = {"manifestVersion": version, "bundle": reference, "deployments": entries, "later": {}} | changes
        self.publish_bytes(json.dumps(content).encode())

    def publish_bytes(self, body: bytes) -> None:
        headers = {"ETag": f'"{digest(body)}"', "Content-Type": MANIFEST_TYPE}
        self.served["/api/v1/deployments"] = Reply(200, body, headers)

    def wait(self, condition: Callable[["ScriptedWos"], Any], patience: float = PATIENCE) -> Any:
        """Wait until `condition` of this WOS is true; its value."""
        with self.news:
            value = self.news.wait_for(lambda: condition(self), patience)
        assert value, f"not within {patience} s; asked: {[(e.method, e.path) for e in self.exchanges][-12:]}"
        return value

    def wait_for_state(self, number: int, state: str, count: int = 1) -> None:
        self.wait(lambda wos: wos.states(number).count(state) >= count)

    def wait_for_polls(self, count: int) -> None:
        """Wait for `count` polls from now on, the last of which began after the one before was answered."""
        seen = len(self.polls())
        self.wait(lambda wos: len(wos.polls()) >= seen + count)

    def polls(self) -> list[Exchange]:
        return [exchange for exchange in self.exchanges if exchange.path == "/api/v1/deployments"]

    def reports(self, number: int) -> list[Exchange]:
        path = f"/api/v1/deployments/{deployment_id(number)}/status"
        return [exchange for exchange in list(self.exchanges) if exchange.path == path]

    def states(self, number: int) -> list[str]:
        return [exchange.report["status"]["state"] for exchange in self.reports(number)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)


class Listener(ThreadingHTTPServer):
    """Speaks TLS in the thread of each connection, so that a slow handshake holds up nobody."""

    daemon_threads = True
    block_on_close = False
    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        try:
            with self.context.wrap_socket(request, server_side=True) as stream:
                super().finish_request(stream, client_address)  # type: ignore[arg-type]
        except OSError:
            pass  # a peer that breaks off is part of the game


class AgentProcess:
    """`reference-agent run` with a state folder of its own."""

    def __init__(self, folder: Path, url: str, trust_domain: TrustDomain, credential: Credential) -> None:
        self.folder = folder
        self.state = folder / "state"
        (folder / "root.pem").write_bytes(trust_domain.root.certificate_pem)
        (folder / "svid.pem").write_bytes(credential.certificate_pem)
        (folder / "key.pem").write_bytes(credential.key_pem)
        (folder / "capabilities.json").write_text(json.dumps(CAPABILITIES))
        self.configure(wos_url=url)
        self.process: subprocess.Popen[bytes] | None = None

    def configure(self, **changes: Any) -> None:
        values = {
            "svid": "svid.pem",
            "key": "key.pem",
            "trust_bundle": "root.pem",
            "state": "state",
            "capabilities": "capabilities.json",
            "poll_interval": 0.1,
            "request_timeout": 1,
            "max_backoff": 0.3,
        }
        file = self.folder / "agent.yaml"
        before = yaml.safe_load(file.read_text()) if file.exists() else values
        file.write_text(yaml.safe_dump(before | changes))

    def start(self, code: str | None = None) -> None:
        """Start it; `code` runs in its process first."""
        command = ["-m", "wos_reference.agent"]
        if code is not None:
            command = ["-c", f"{code}\nimport sys\nfrom wos_reference.agent.cli import main\nsys.exit(main())"]
        log = (self.folder / "agent.log").open("ab")
        environment = os.environ | {"PYTHONPATH": str(SOURCES)}
        arguments = [sys.executable, *command, "run", "--config", str(self.folder / "agent.yaml")]
        self.process = subprocess.Popen(arguments, stdout=log, stderr=log, env=environment)
        log.close()

    def cut(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> float:
        """SIGTERM; the seconds until it has ended."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0
        return time.monotonic() - began

    def wait_for_log(self, text: str, count: int = 1) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.log().count(text) < count:
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.01)

    def log(self) -> str:
        return (self.folder / "agent.log").read_text()

    def workloads(self) -> dict[str, dict[str, Any]]:
        files = sorted((self.state / "workloads").glob("*/*.json"))
        return {f"{int(file.parent.name[-12:])}/{file.stem}": json.loads(file.read_text()) for file in files}


@pytest.fixture(scope="session")
def trust_domain() -> TrustDomain:
    return TrustDomain()


@pytest.fixture
def wos_of(trust_domain: TrustDomain, tmp_path: Path) -> Iterator[Callable[..., ScriptedWos]]:
    """Starts a WOS that presents a credential."""
    with ExitStack() as stack:

        def start(credential: Credential, newest_tls: str = "") -> ScriptedWos:
            wos = ScriptedWos(trust_domain, tmp_path, credential, newest_tls)
            stack.callback(wos.close)
            return wos

        yield start


@pytest.fixture
def agent_of(trust_domain: TrustDomain, tmp_path: Path) -> Iterator[Callable[..., AgentProcess]]:
    """Prepares the agent of a WOS."""
    with ExitStack() as stack:

        def prepare(wos: ScriptedWos, credential: Credential | None = None) -> AgentProcess:
            agent = AgentProcess(tmp_path, wos.url, trust_domain, credential or trust_domain.issue(AGENT_ID))
            stack.callback(agent.cut)
            return agent

        yield prepare


@pytest.fixture
def wos(trust_domain: TrustDomain, wos_of: Callable[..., ScriptedWos]) -> ScriptedWos:
    return wos_of(trust_domain.issue(WOS_ID))


@pytest.fixture
def agent(wos: ScriptedWos, agent_of: Callable[..., AgentProcess]) -> AgentProcess:
    return agent_of(wos)


@pytest.fixture(scope="session")
def make() -> Any:
    """The makers of this file, for tests that cannot import it."""
    return sys.modules[__name__]
