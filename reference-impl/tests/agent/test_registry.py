"""What is asked of a registry, with credentials and without; a registry on a real socket that demands them."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from wos_reference.agent.runtime import RetrievalError
from wos_reference.agent.runtime.registry import COMPOSE_LAYER_TYPE, Registry

LAYER = b"layer"
DIGEST = "sha256:" + hashlib.sha256(LAYER).hexdigest()
AUTH = base64.b64encode(b"agent:open sesame").decode()


@pytest.fixture
def address():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            is_admitted = self.headers.get("Authorization") == f"Basic {AUTH}"
            manifest = json.dumps({"layers": [{"mediaType": COMPOSE_LAYER_TYPE, "digest": DIGEST}]}).encode()
            body = LAYER if "/blobs/" in self.path else manifest
            self.send_response(200 if is_admitted else 401)
            self.end_headers()
            self.wfile.write(body if is_admitted else b"")

        def log_message(self, format, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def archive(address, file):
    return Registry(frozenset({address}), 2.0, file).compose_archive(f"oci://{address}/parts/mixer", "1.0.0")


def test_credentials_open_the_registry(address, tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"auths": {address: {"auth": AUTH}}}))
    assert archive(address, file) == LAYER


@pytest.mark.parametrize(
    "content",
    [
        *('{"auths": {}}', '{"auths": {"other.example": {"auth": "eA=="}}}', "{}", "[]", "{", '{"auths": {"HOST": 1}}'),
        *('{"auths": {"HOST": {"auth": "not base64"}}}', '{"auths": {"HOST": {"auth": "eDp5"}}}'),
    ],
    ids=["nobody", "others", "without-auths", "list", "not-json", "number", "not-base64", "wrong"],
)
def test_other_credentials_do_not_and_are_not_told(address, tmp_path, content):
    file = tmp_path / "config.json"
    file.write_text(content.replace("HOST", address))
    with pytest.raises(RetrievalError) as caught:
        archive(address, file)
    assert "eDp5" not in str(caught.value)
    assert "not base64" not in str(caught.value)


def test_layer_has_other_bytes(address, tmp_path, monkeypatch):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"auths": {address: {"auth": AUTH}}}))
    monkeypatch.setitem(globals(), "LAYER", b"another layer")
    with pytest.raises(RetrievalError, match="digest"):
        archive(address, file)


def test_without_credentials_there_is_nothing(address):
    with pytest.raises(RetrievalError):
        archive(address, None)
