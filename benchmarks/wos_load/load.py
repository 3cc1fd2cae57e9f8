"""The generator: keeps connections busy over mutual TLS, one request after another on each, and notes every time.

A process of its own: what to do comes as JSON on standard input, and what came of it goes as JSON to standard output.
Answers are read with httptools, the parser in C that uvicorn brings along, so that a request costs the generator much
less than it costs the server.
"""

import json
import os
import selectors
import socket
import ssl
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from httptools import HttpResponseParser

_PATIENCE = 30.0
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Visitor:
    """Who visits a WOS: the file with certificate and key, and the requests that are sent in turn."""

    credential: str
    requests: list[str]


class Connection:
    """One connection of one visitor."""

    def __init__(self, plan: dict[str, Any], visitor: Visitor) -> None:
        context = ssl.create_default_context(cafile=plan["root"])
        context.check_hostname = False
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(visitor.credential)
        self.socket = context.wrap_socket(socket.create_connection((plan["host"], plan["port"]), _PATIENCE))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = [text.encode() for text in visitor.requests]
        self._turn = 0
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []
        self.is_complete = True

    def forget(self) -> None:
        """Count from here on."""
        self.statuses.clear()
        self.seconds.clear()

    def send(self) -> None:
        """Send the next request."""
        self._parser = HttpResponseParser(self)
        self.is_complete = False
        self._began = time.perf_counter()
        self.socket.sendall(self._requests[self._turn % len(self._requests)])
        self._turn += 1

    def read(self) -> None:
        """Take what has come.

        Raises:
            ConnectionError: nothing comes any more.
        """
        try:
            received = self.socket.recv(65536)
        except ssl.SSLWantReadError:
            return
        if not received:
            raise ConnectionError("the server has closed a connection")
        self._parser.feed_data(received)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self.seconds.append(time.perf_counter() - self._began)
        self.statuses[self._parser.get_status_code()] += 1
        self.is_complete = True

    def finish(self) -> None:
        """Wait for the answer that is on its way."""
        self.socket.settimeout(_PATIENCE)
        while not self.is_complete:
            self.read()


def drive(connections: list[Connection], seconds: float) -> float:
    """Keep all connections busy for so long; how long it was in the end, in seconds."""
    began = time.perf_counter()
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            connection.socket.setblocking(False)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send()
        while time.perf_counter() - began < seconds:
            for key, _ in selector.select(_PATIENCE):
                key.data.read()
                if key.data.is_complete:
                    key.data.send()
    for connection in connections:
        connection.finish()
    return time.perf_counter() - began


def processor_seconds(process: int) -> float:
    """What a process has used of processors so far."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS


def load(plan: dict[str, Any], visitors: list[Visitor]) -> dict[str, Any]:
    """Load a server for `seconds`, after a warm-up."""
    connections = [Connection(plan, visitor) for visitor in visitors]
    drive(connections, plan["warm_up"])
    for connection in connections:
        connection.forget()
    server, own = processor_seconds(plan["server"]), time.process_time()
    elapsed = drive(connections, plan["seconds"])
    return {
        "elapsed": elapsed,
        "server": processor_seconds(plan["server"]) - server,
        "generator": time.process_time() - own,
        "statuses": sum((connection.statuses for connection in connections), Counter()),
        "seconds": [second for connection in connections for second in connection.seconds],
    }


def visit(plan: dict[str, Any], visitors: list[Visitor]) -> dict[str, Any]:
    """Each visitor connects, is answered once, and leaves; the last `stay` of them stay until they are counted."""
    staying: list[Connection] = []
    statuses: Counter[int] = Counter()
    for visitor in visitors:
        connection = Connection(plan, visitor)
        connection.send()
        connection.finish()
        statuses += connection.statuses
        staying.append(connection)
        if len(staying) > plan["stay"]:
            staying.pop(0).socket.close()
    resident = int(Path(f"/proc/{plan['server']}/status").read_text("ascii").partition("VmRSS:")[2].split()[0])
    return {"statuses": statuses, "resident": resident}


if __name__ == "__main__":
    order = json.load(sys.stdin)
    act = {"load": load, "visit": visit}[order["act"]]
    json.dump(act(order, [Visitor(**visitor) for visitor in order["visitors"]]), sys.stdout)
