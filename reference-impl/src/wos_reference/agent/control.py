"""The test-control contract for role agent (`openapi/test-control.yaml`): a listener that answers the verbs.

Requests are answered one after the other on the main thread, because the agent ends with the thread that started it.
"""

import hashlib
import hmac
import json
import logging
import os
import socket
import sys
from collections import OrderedDict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from wos_reference.agent.runtime import WorkloadError
from wos_reference.agent.supervisor import RefusalError, Supervisor

log = logging.getLogger(__name__)

PREFIX = "/control/v1/"
BODY_LIMIT = 4 * 1024 * 1024
REMEMBERED_REQUESTS = 10_000
PATIENCE = 5.0  # seconds for a caller to send its request; nobody else is answered meanwhile


class ControlServer(HTTPServer):
    """Listener, token and the answers that were given before."""

    def __init__(self, address: tuple[str, int], token: str, folder: Path, program: Callable[[Path], int]) -> None:
        super().__init__(address, ControlHandler)
        self._token = token.encode()
        self._program = program
        self._caller: socket.socket | None = None
        self.supervisor = Supervisor(folder, self._run_agent)
        self._answers: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Keep at hand whom is answered now."""
        self._caller = request
        super().finish_request(request, client_address)

    def _run_agent(self, configuration: Path) -> None:
        """In the process of an agent: leave listener and caller to the parent, and run."""
        for end in (self.socket, self._caller):
            if end is not None:
                os.close(end.detach())
        sys.exit(self._program(configuration))

    def admits(self, authorization: str) -> bool:
        """Whether a request with this header carries the token."""
        return hmac.compare_digest(authorization.encode(errors="replace"), b"Bearer " + self._token)

    def carry_out(self, verb: str, body: bytes) -> bytes:
        """Carry out a verb, or repeat the answer to the same request. Raises RefusalError."""
        content = read_object(body)
        request_id = content.get("requestId")
        if not isinstance(request_id, str):
            return json.dumps(self.supervisor.carry_out(verb, content)).encode()
        mark = hashlib.sha256(verb.encode() + b"\n" + body).hexdigest()
        if request_id not in self._answers:
            answer = json.dumps(self.supervisor.carry_out(verb, content)).encode()
            self._remember(request_id, mark, answer)
        if self._answers[request_id][0] != mark:
            raise RefusalError(409, f"requestId {request_id!r} belongs to another request")
        return self._answers[request_id][1]

    def _remember(self, request_id: str, mark: str, answer: bytes) -> None:
        self._answers[request_id] = (mark, answer)
        if len(self._answers) > REMEMBERED_REQUESTS:
            self._answers.popitem(last=False)


class ControlHandler(BaseHTTPRequestHandler):
    """One request of the test control."""

    server: ControlServer
    timeout = PATIENCE

    def do_POST(self) -> None:
        """Answer a verb."""
        try:
            self._answer(200, self._carry_out())
        except RefusalError as refusal:
            self._answer(refusal.status, json.dumps({"error": str(refusal)}).encode())
        except (OSError, WorkloadError) as error:
            self._answer(500, json.dumps({"error": str(error)}).encode())

    def _carry_out(self) -> bytes:
        if not self.server.admits(self.headers.get("Authorization", "")):
            raise RefusalError(401, "the bearer token is missing or wrong")
        if not self.path.startswith(PREFIX):
            raise RefusalError(404, f"verbs are found below {PREFIX}")
        return self.server.carry_out(self.path.removeprefix(PREFIX), self._body())

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > BODY_LIMIT:
            raise RefusalError(400, f"a Content-Length of at most {BODY_LIMIT} is needed")
        body = self.rfile.read(int(length))
        if len(body) != int(length):
            raise RefusalError(400, "the body is shorter than its Content-Length")
        return body

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Write to the log of the process."""
        log.info(format, *arguments)


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`. Raises RefusalError."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusalError(400, f"the body is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise RefusalError(400, "the body is not a JSON object")
    return content


def serve(listen: str, token_file: Path, folder: Path, ready_file: Path, program: Callable[[Path], int]) -> int:
    """Answer until the process is told to end; the agent ends with it.

    `program` runs an agent with a configuration.
    `ready_file` appears when the listener answers, and holds `{"url": …}`.
    """
    host, _, port = listen.rpartition(":")
    with ControlServer((host, int(port)), token_file.read_text().strip(), folder, program) as server:
        try:
            announce_ready(ready_file, f"http://{host}:{server.server_port}")
            server.serve_forever(poll_interval=0.5)
        finally:
            server.supervisor.end()
    return 0


def announce_ready(ready_file: Path, url: str) -> None:
    """Write the address of the listener; the file is there completely or not at all."""
    new = ready_file.with_name(ready_file.name + ".new")
    new.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    new.replace(ready_file)
