"""A registry that has every component of every revision: a Compose archive, or a chart for whoever calls as Helm.

The suite names components by random words below `registry.example`; what they are made of is up to whoever serves them.
"""

import gzip
import io
import json
import re
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOST = "registry.example"
ADDRESS = ("127.0.0.1", 80)
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
COMPOSE_TYPE = "application/vnd.org.margo.component.compose"
HELM_TYPE = "application/vnd.cncf.helm"
PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)")
COMPOSE = """
services:
  main:
    image: {image}
    init: true
    command: ["sleep", "1000000"]
    environment: {{REVISION: "{revision}"}}
"""
CHART = """
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
data: {values: {{ .Values | toJson | quote }}}
"""


def digest_of(body: bytes) -> str:
    return "sha256:" + sha256(body).hexdigest()


def packed(files: dict[str, str]) -> bytes:
    """A tar archive in gzip, the same bytes for the same files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(stream.getvalue(), mtime=0)


class YieldingRegistry(ThreadingHTTPServer):
    """Makes what it is asked for; `image` is what a Compose component runs."""

    daemon_threads = True

    def __init__(self, image: str) -> None:
        super().__init__(ADDRESS, Handler)
        self._image = image
        self._blobs: dict[str, bytes] = {}

    def manifest(self, name: str, reference: str, *, for_helm: bool) -> bytes | None:
        """The manifest of a revision, or the one with this digest if it was made before."""
        if reference.startswith("sha256:"):
            return self._blobs.get(reference)
        make = self._chart if for_helm else self._compose
        body = json.dumps(make(name.rpartition("/")[2], reference), sort_keys=True).encode()
        return self._blobs[self._keep(body)]

    def blob(self, digest: str) -> bytes | None:
        """What was made before."""
        return self._blobs.get(digest)

    def _keep(self, body: bytes) -> str:
        digest = digest_of(body)
        self._blobs[digest] = body
        return digest

    def _compose(self, component: str, revision: str) -> dict[str, Any]:
        text = COMPOSE.format(image=self._image, revision=revision)
        layer = packed({f"{component}/compose.yaml": text})
        return {"artifactType": f"{COMPOSE_TYPE}+json"} | self._image_of(
            *("application/vnd.oci.empty.v1+json", b"{}", f"{COMPOSE_TYPE}.tar+gzip", layer)
        )

    def _chart(self, component: str, revision: str) -> dict[str, Any]:
        chart = json.dumps({"apiVersion": "v2", "name": component, "version": revision.replace("_", "+")})
        layer = packed({f"{component}/Chart.yaml": chart, f"{component}/templates/all.yaml": CHART})
        return self._image_of(
            *(f"{HELM_TYPE}.config.v1+json", chart.encode(), f"{HELM_TYPE}.chart.content.v1.tar+gzip", layer)
        )

    def _image_of(self, config_type: str, config: bytes, layer_type: str, layer: bytes) -> dict[str, Any]:
        return {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": self._descriptor(config_type, config),
            "layers": [self._descriptor(layer_type, layer)],
        }

    def _descriptor(self, media_type: str, body: bytes) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": self._keep(body), "size": len(body)}


class Handler(BaseHTTPRequestHandler):
    """Reading alone."""

    protocol_version = "HTTP/1.1"
    server: YieldingRegistry
    timeout = 30

    def do_GET(self) -> None:
        match = PATH.fullmatch(self.path)
        if match is None:
            self._answer(200 if self.path.rstrip("/") == "/v2" else 404, b"{}", "application/json")
        elif match["kind"] == "manifests":
            for_helm = self.headers.get("User-Agent", "").startswith("Helm")
            self._found(self.server.manifest(match["name"], match["reference"], for_helm=for_helm), MANIFEST_TYPE)
        else:
            self._found(self.server.blob(match["reference"]), "application/octet-stream")

    do_HEAD = do_GET  # noqa: N815 -- the names are http.server's

    def _found(self, body: bytes | None, media_type: str) -> None:
        self._answer(404 if body is None else 200, body or b"{}", media_type)

    def _answer(self, status: int, body: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", digest_of(body))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@contextmanager
def yielding_registry(image: str) -> Iterator[str]:
    """The host of a registry that serves until the context ends."""
    with YieldingRegistry(image) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield HOST
        server.shutdown()
        thread.join()
