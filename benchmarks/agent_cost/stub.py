"""A small WOS for measuring: it serves what it was given, answers 304, counts bytes and notes reports."""

import gzip
import hashlib
import io
import json
import ssl
import tarfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MANIFEST = "/api/v1/deployments"
MANIFEST_TYPE = "application/vnd.margo.manifest.v1+json"
BUNDLE_TYPE = "application/vnd.margo.bundle.v1+tar+gzip"


def digest_of(body: bytes) -> str:
    """As the specification writes it."""
    return "sha256:" + hashlib.sha256(body).hexdigest()


def deployment_id(number: int) -> str:
    """The id of the deployment with this number."""
    return f"00000000-0000-4000-8000-{number:012d}"


def document(number: int, revision: str, device_id: str) -> bytes:
    """One component with one parameter."""
    properties = {"repository": "oci://registry.example/mixer", "revision": revision}
    profile = {"type": "compose", "components": [{"name": "mixer", "properties": properties}]}
    speed = {"value": number, "targets": [{"pointer": "SPEED", "components": ["mixer"]}]}
    content = {
        "id": deployment_id(number),
        "metadata": {"name": "mixer", "namespace": "mixer", "deviceId": device_id},
        "spec": {"applicationId": "com-example-mixer", "deploymentProfile": profile, "parameters": {"speed": speed}},
    }
    return json.dumps(content, indent=1).encode()


def packed(members: dict[str, bytes]) -> bytes:
    """A bundle: the same bytes for the same members."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, body in sorted(members.items()):
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return gzip.compress(stream.getvalue(), mtime=0)


class StubWos(ThreadingHTTPServer):
    """Serves one client; `news` is notified after each request."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, credentials: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(credentials / "wos.pem", credentials / "wos-key.pem")
        self._context.load_verify_locations(credentials / "trust-bundle.pem")
        self._context.verify_mode = ssl.CERT_REQUIRED
        self.url = f"https://127.0.0.1:{self.server_port}"
        self.news = threading.Condition()
        self.bodies: dict[str, bytes] = {}
        self.polls = 0
        self.installed: dict[str, set[int]] = {}
        self.received = self.sent = 0
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Speak TLS in the thread of the connection."""
        with self._context.wrap_socket(request, server_side=True) as stream:
            super().finish_request(stream, client_address)  # type: ignore[arg-type]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that was ended breaks off."""

    def publish(self, version: int, documents: dict[str, bytes]) -> str:
        """Serve a manifest of these documents; where its bundle is."""
        entries = []
        for name, body in documents.items():
            url = f"{MANIFEST}/{name}/{digest_of(body)}"
            self.bodies[url] = body
            entries.append({"deploymentId": name, "digest": digest_of(body), "sizeBytes": len(body), "url": url})
        bundle = packed({f"{name}.yaml": body for name, body in documents.items()})
        place = f"/api/v1/bundles/{digest_of(bundle)}"
        self.bodies[place] = bundle
        reference = {"mediaType": BUNDLE_TYPE, "digest": digest_of(bundle), "sizeBytes": len(bundle), "url": place}
        content = {"manifestVersion": version, "bundle": reference if documents else None, "deployments": entries}
        self.bodies[MANIFEST] = json.dumps(content, separators=(",", ":")).encode()
        return place

    def wait(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until something is so. Raises TimeoutError."""
        with self.news:
            if not self.news.wait_for(condition, seconds):
                raise TimeoutError("what is measured did not come to its end")

    def has_installed(self, version: int, count: int) -> bool:
        """Whether so many deployments were reported as installed under a version."""
        return sum(version in versions for versions in self.installed.values()) == count


class Handler(BaseHTTPRequestHandler):
    """One connection of the agent."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    server: StubWos

    def do_GET(self) -> None:
        """The manifest, or what it names."""
        body = self.server.bodies.get(self.path)
        tag = f'"{digest_of(body)}"' if body and self.path == MANIFEST else ""
        is_known = bool(tag) and self.headers.get("If-None-Match") == tag
        self._answer(304 if is_known else 200 if body else 404, b"" if is_known else body or b"", tag)

    def do_PUT(self) -> None:
        """An announcement."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, b"")

    def do_POST(self) -> None:
        """A report."""
        report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if report["status"]["state"] == "installed":
            versions = self.server.installed.setdefault(report["deploymentId"], set())
            versions.add(report["adoptedManifestVersion"])
        self._answer(200, b"")

    def _answer(self, status: int, body: bytes, tag: str = "") -> None:
        self.send_response(status)
        if tag:
            self.send_header("ETag", tag)
            self.send_header("Content-Type", MANIFEST_TYPE)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        head = len(b"".join(self._headers_buffer)) + 2  # type: ignore[attr-defined]
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        self._count(head + len(body))

    def _count(self, sent: int) -> None:
        lines = [self.requestline, *(f"{name}: {text}" for name, text in self.headers.items()), ""]
        with self.server.news:
            self.server.received += len("\r\n".join(lines)) + 2 + int(self.headers.get("Content-Length", 0))
            self.server.sent += sent
            self.server.polls += self.path == MANIFEST
            self.server.news.notify_all()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""
