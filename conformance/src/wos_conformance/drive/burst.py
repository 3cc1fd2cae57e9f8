"""Requests as they are written one behind the other on one connection, and what comes back for each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import h11
import httpcore

_HEAD_AT_MOST = 128 << 10
_BODY_AT_MOST = 16 << 20


class Request(NamedTuple):
    """One request, exact to the byte once it has all its headers."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""

    def head(self) -> bytes:
        """Start line and headers, with the blank line."""
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def text(self) -> bytes:
        """All bytes."""
        return self.head() + self.body


@dataclass(frozen=True)
class Received:
    """What came back for one request: `head` is that of the final response; without a whole one `error` says why."""

    status: int | None = None
    fields: Sequence[tuple[bytes, bytes]] = ()
    head: bytes = b""
    content: bytes = b""
    error: Exception | None = None


def received_from(stream: httpcore.NetworkStream, requests: Sequence[Request]) -> Iterator[Received]:
    """What comes back for each of the requests that were written to this stream; after a failure nothing comes."""
    rest, failed = b"", None
    for request in requests:
        reader = _Reader(stream, request)
        failed = failed or reader.read(rest)
        rest = reader.rest
        yield Received(reader.status, reader.fields, reader.head, bytes(reader.content), failed)


class _Reader:
    """Reads one answer; what comes behind it is left over as `rest`."""

    def __init__(self, stream: httpcore.NetworkStream, request: Request) -> None:
        self._stream = stream
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_AT_MOST)
        self._parser.send(h11.Request(method=request.method, target=request.target, headers=[("Host", "wos")]))
        self._parser.send(h11.EndOfMessage())
        self._bytes = bytearray()
        self.status: int | None = None
        self.fields: Sequence[tuple[bytes, bytes]] = ()
        self.head = self.rest = b""
        self.content = bytearray()

    def read(self, begun: bytes) -> Exception | None:
        """Read until the answer ends; the reason if it does not."""
        self._take(begun) if begun else None
        try:
            while not isinstance(event := self._parser.next_event(), h11.EndOfMessage):
                self._see(event)
        except (httpcore.NetworkError, httpcore.TimeoutException, h11.RemoteProtocolError) as error:
            return error
        self.rest = self._parser.trailing_data[0]
        return None

    def _see(self, event: object) -> None:
        if event is h11.NEED_DATA:
            content = self._stream.read(65536)
            if not content and not self._bytes:
                raise h11.RemoteProtocolError("closed without an answer")
            self._take(content)
        elif isinstance(event, h11.Response):
            self.status, self.fields = event.status_code, event.headers.raw_items()
            self.head = _last_head(bytes(self._bytes))
        elif isinstance(event, h11.Data):
            self.content += event.data
            if len(self.content) > _BODY_AT_MOST:
                raise h11.RemoteProtocolError("the body is longer than anybody needs")

    def _take(self, content: bytes) -> None:
        self._bytes += content[: max(0, _HEAD_AT_MOST - len(self._bytes))]
        self._parser.receive_data(content)


def _last_head(received: bytes) -> bytes:
    """The head of the final response, after those that only inform."""
    head, blank, rest = received.partition(b"\r\n\r\n")
    informs = head.split(b" ", 2)[1:2] and head.split(b" ", 2)[1].startswith(b"1")
    return _last_head(rest) if informs and blank else head + blank
