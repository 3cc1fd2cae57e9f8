"""A test control that says yes to everything, and calls whoever wants to know."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

Verb = Callable[[str, dict[str, Any]], bytes | None]
"""From a verb and its body to a reply; None for the usual one."""


def usual(recorded: str = "") -> bytes:
    """A reply that has something for every verb, and nothing in it."""
    lists: dict[str, list[Any]] = {"workloads": [], "capabilities": [], "deployments": []}
    return json.dumps({"deploymentId": recorded or str(uuid4()), **lists}).encode()


def listen(carry_out: Verb) -> str:
    """Answer verbs in a thread of its own; the URL of the listener."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            reply = carry_out(self.path.rpartition("/")[2], body)
            content = usual() if reply is None else reply
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def say_ready(ready_file: Path, facts: dict[str, str]) -> None:
    """Write where the facade is reached, and stay until the process is ended."""
    new = ready_file.with_suffix(".new")
    new.write_text(json.dumps(facts))
    new.replace(ready_file)
    threading.Event().wait()
