"""Histories that are told instead of lived, for tests of what comes after them."""

from pathlib import Path
from typing import Any

from wos_conformance.history import Exchange, Header, Message, Recorder

MANIFEST = b'{"manifestVersion":1,"bundle":null,"deployments":[]}'
CLIENT = "spiffe://plant.example/margo/wfm/main/client/one"


def begun(folder: Path, worker: int = 0, **facts: Any) -> Recorder:
    """A history with its header."""
    recorder = Recorder(folder, worker)
    texts = dict.fromkeys(("run", "specification_digest", "suite", "suite_digest", "depth", "target"), "x")
    numbers = {"seed": 1, "level": 1}
    rest = {"role": "wos", "specification": "1.0", "started": "now", "trust_domain": "plant.example", "wos_id": "main"}
    recorder.record(Header, **{**texts, **numbers, **rest, **facts})
    return recorder


def exchanged(recorder: Recorder, request: str, response: str, body: bytes = b"", **facts: Any) -> Exchange:
    """One exchange; heads are written with bare line ends."""
    return recorder.record(
        Exchange,
        connection="c",
        client=CLIENT,
        request=Message(_head(request)),
        response=Message(_head(response), recorder.store(body) if body else None),
        started=recorder.now(),
        ended=recorder.now(),
        **facts,
    )


def _head(text: str) -> str:
    return "\r\n".join([*text.strip().splitlines(), "", ""])


def alive(recorder: Recorder) -> None:
    """The least that a living WOS shows: a device is stored, and a manifest confirmed."""
    exchanged(recorder, "PUT /api/v1/capabilities/d HTTP/1.1", "HTTP/1.1 201 Created")
    exchanged(recorder, "GET /api/v1/deployments HTTP/1.1", 'HTTP/1.1 200 OK\nETag: "a"', MANIFEST)
    exchanged(recorder, 'GET /api/v1/deployments HTTP/1.1\nIf-None-Match: "a"', "HTTP/1.1 304 Not Modified")
