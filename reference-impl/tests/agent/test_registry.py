"""What is asked of a registry, with credentials and without; a registry on a real socket that demands them."""

import base64
import hashlib
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from wos_reference.agent.runtime import RetrievalError
from wos_reference.agent.runtime.registry import COMPOSE_LAYER_TYPE, Registry

LAYER = b"layer"
DIGEST = "sha256:" + hashlib.sha256(LAYER).hexdigest()
AUTH = base64.b64encode(b"agent:open sesame").decode()


class GuardedRegistry(ThreadingHTTPServer):
    """Has one component, for whoever shows credentials; `layer` is what it serves under the digest of LAYER."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.layer = LAYER
        self.address = f"127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A caller who does not trust it breaks off."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        is_admitted = self.headers.get("Authorization") == f"Basic {AUTH}"
        manifest = json.dumps({"layers": [{"mediaType": COMPOSE_LAYER_TYPE, "digest": DIGEST}]}).encode()
        self.send_response(200 if is_admitted else 401)
        self.end_headers()
        self.wfile.write((self.server.layer if "/blobs/" in self.path else manifest) if is_admitted else b"")

    def log_message(self, format, *arguments):
        pass


@pytest.fixture
def registry():
    with GuardedRegistry() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def credentials(registry, tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"auths": {registry.address: {"auth": AUTH}}}))
    return file


def archive(registry, credentials, *, over_tls=False, anchors=None):
    plain = frozenset() if over_tls else frozenset({registry.address})
    return Registry(plain, 2.0, credentials, anchors).compose_archive(f"oci://{registry.address}/parts/mixer", "1.0.0")


def test_credentials_open_the_registry(registry, credentials):
    assert archive(registry, credentials) == LAYER


CONTENTS = {
    "nobody": '{"auths": {}}',
    "others": '{"auths": {"other.example": {"auth": "eA=="}}}',
    "without-auths": "{}",
    "list": "[]",
    "not-json": "{",
    "number": '{"auths": {"HOST": 1}}',
    "not-base64": '{"auths": {"HOST": {"auth": "not base64"}}}',
    "wrong": '{"auths": {"HOST": {"auth": "eDp5"}}}',
}


@pytest.mark.parametrize("name", CONTENTS)
def test_other_credentials_do_not_and_are_not_told(registry, credentials, name):
    credentials.write_text(CONTENTS[name].replace("HOST", registry.address))
    with pytest.raises(RetrievalError) as caught:
        archive(registry, credentials)
    assert "eDp5" not in str(caught.value)
    assert "not base64" not in str(caught.value)


def test_without_credentials_there_is_nothing(registry):
    with pytest.raises(RetrievalError):
        archive(registry, None)


def test_layer_has_other_bytes(registry, credentials):
    registry.layer = b"another layer"
    with pytest.raises(RetrievalError, match="digest"):
        archive(registry, credentials)


@pytest.fixture
def anchors(registry, trust_domain, tmp_path):
    """The registry speaks TLS, and this file has the root of its certificate."""
    credential = trust_domain.issue_for_host("127.0.0.1")
    (tmp_path / "registry.pem").write_bytes(credential.key_pem + credential.certificate_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "registry.pem")
    registry.socket = context.wrap_socket(registry.socket, server_side=True)
    (tmp_path / "anchors.pem").write_bytes(trust_domain.root.certificate_pem)
    return tmp_path / "anchors.pem"


def test_registry_is_known_by_its_anchors(registry, credentials, anchors):
    assert archive(registry, credentials, over_tls=True, anchors=anchors) == LAYER


def test_registry_that_nobody_knows_is_told_nothing(registry, credentials, anchors):
    with pytest.raises(RetrievalError, match="certificate"):
        archive(registry, credentials, over_tls=True)
