"""Facades of a WOS: their TLS is perfect, and nobody is behind it."""

import json
import socket
import ssl
import threading
from argparse import Namespace
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from facades import control
from facades.recording import Recording
from wos_conformance.history.event import Exchange, Message
from wos_conformance.history.view import ExchangeView

Answer = Callable[[str, str], bytes | None]
"""From method and target to the bytes of an answer; None when none ever comes."""


def serve(name: str, recording: Path, options: Namespace) -> None:
    """Listen as the configuration says."""
    configuration = json.loads(Path(options.config).read_bytes())
    recorded = Recording(recording) if name == "replays_a_recording" else None
    port = _free_port() if name == "is_not_there" else _listen(_answer(name, recorded), configuration)
    controlled = control.listen(lambda verb, body: recorded.done(verb) if recorded else None)
    control.say_ready(
        Path(configuration["ready_file"]), {"wosUrl": f"https://127.0.0.1:{port}", "controlUrl": controlled}
    )


def _answer(name: str, recorded: Recording | None) -> Answer:
    fixed = {"says_yes": (200, b"{}"), "finds_nothing": (404, b""), "fails": (500, b"")}
    if recorded:
        return lambda method, target: recorded.answer(_operation(method, target)) or _plain(404, b"")
    return lambda method, target: _plain(*fixed[name]) if name in fixed else None


def _plain(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} As Always\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _operation(method: str, target: str) -> str | None:
    request = Message(f"{method} {target} HTTP/1.1\r\n\r\n")
    nowhere = {"seq": 0, "at": 0.0, "prev": "", "connection": "", "client": "", "started": 0.0, "ended": 0.0}
    return ExchangeView(Exchange(request=request, response=None, **nowhere), {}).operation  # type: ignore[arg-type]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _listen(answer: Answer, configuration: dict[str, Any]) -> int:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(configuration["svid"], configuration["key"])
    context.load_verify_locations(configuration["trust_bundle"])
    context.verify_mode = ssl.CERT_REQUIRED

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            self.request.settimeout(30)
            self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

        def parse_request(self) -> bool:
            if not super().parse_request():
                return False
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            setattr(self, f"do_{self.command}", self._answer)
            return True

        def _answer(self) -> None:
            content = answer(self.command, self.path)
            if content is None:
                self.rfile.read(1)  # until the other side has had enough
                self.close_connection = True
            else:
                self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *arguments: Any) -> None:
            """Handshakes fail, as they shall."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port
