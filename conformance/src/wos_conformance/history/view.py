"""One exchange as judges see it: parsed once, never more than what was recorded."""

import json
import re
import zlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from wos_conformance.history.event import Body, Exchange, Message

DECODED_AT_MOST = 8 << 20

_OPERATIONS = (
    ("PUT", "capabilities-put", re.compile(r"/api/v1/capabilities/(?P<deviceId>.+)")),
    ("DELETE", "capabilities-delete", re.compile(r"/api/v1/capabilities/(?P<deviceId>.+)")),
    ("GET", "manifest", re.compile(r"/api/v1/deployments")),
    ("GET", "document", re.compile(r"/api/v1/deployments/(?P<deploymentId>[^/]+)/(?P<digest>[^/]+)")),
    ("GET", "bundle", re.compile(r"/api/v1/bundles/(?P<digest>[^/]+)")),
    ("POST", "status", re.compile(r"/api/v1/deployments/(?P<deploymentId>[^/]+)/status")),
)


class ExchangeView:
    """An exchange with its start lines, headers and bodies taken apart."""

    def __init__(self, exchange: Exchange, blobs: Mapping[str, bytes], *, in_doubt: bool = False) -> None:
        self.exchange = exchange
        self.in_doubt = in_doubt
        """Whether nobody knows if the answer has arrived, since its connection broke before anything followed."""
        self._blobs = blobs
        self.seq = exchange.seq
        self.client = exchange.client
        self.connection = exchange.connection
        self.started = exchange.started
        self.ended = exchange.ended
        self.failure = exchange.failure
        self.answered = exchange.answered

    @cached_property
    def _request_line(self) -> tuple[str, str, str]:
        start = self.exchange.request.head.partition("\r\n")[0]
        method, _, rest = start.partition(" ")
        target, _, version = rest.rpartition(" ")
        return method, target, version

    @property
    def method(self) -> str:
        """The method as it was sent."""
        return self._request_line[0]

    @property
    def target(self) -> str:
        """The request target as it was sent."""
        return self._request_line[1]

    @property
    def request_version(self) -> str:
        """The protocol of the request, such as `HTTP/1.1`."""
        return self._request_line[2]

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @cached_property
    def request_headers(self) -> list[tuple[str, str]]:
        """Names in lower case and values of the request's headers, in order."""
        return _headers(self.exchange.request)

    def request_header(self, name: str) -> str | None:
        """The value of a request header; several are joined by commas; None when there is none."""
        return _joined(self.request_headers, name)

    @property
    def request_body(self) -> bytes:
        """The stored bytes of the request's body."""
        return self._stored(self.exchange.request.body)

    def request_json(self) -> Any:
        """The request's body as JSON with exact numbers.

        Raises:
            ValueError: it is not JSON in UTF-8, or was not stored whole.
        """
        return _json(self.request_body, self.exchange.request.body)

    @cached_property
    def _status_line(self) -> tuple[str, int | None]:
        if self.exchange.response is None:
            return "", None
        version, _, rest = self.exchange.response.head.partition("\r\n")[0].partition(" ")
        return version, int(rest[:3]) if rest[:3].isdigit() else None

    @property
    def status(self) -> int | None:
        """The status of the response; None when there was no whole response."""
        return self._status_line[1]

    @property
    def response_version(self) -> str:
        """The protocol of the response, such as `HTTP/1.1`."""
        return self._status_line[0]

    @cached_property
    def headers(self) -> list[tuple[str, str]]:
        """Names in lower case and values of the response's headers, in order."""
        return _headers(self.exchange.response) if self.exchange.response else []

    def header(self, name: str) -> str | None:
        """The value of a response header; several are joined by commas; None when there is none."""
        return _joined(self.headers, name)

    @property
    def body(self) -> bytes:
        """The stored bytes of the response's body, as sent."""
        return self._stored(self.exchange.response.body if self.exchange.response else None)

    @property
    def broke(self) -> bool:
        """Whether the connection broke under it. A network does that too, so once it says nothing about anybody."""
        return self.failure in ("closed", "reset")

    @property
    def was_left(self) -> bool:
        """Whether the caller left under the answer, which our side notices by its next byte: `ended` is too late."""
        return (self.failure or "").endswith("Error")

    @property
    def turned_away(self) -> bool:
        """Whether the other side wished to give no answer: it sent an alert, or broke off twice in a row."""
        repeated = self.exchange.repeats is not None
        return self.status is None and (self.failure == "alert" or (self.broke and repeated))

    @property
    def complete(self) -> bool:
        """Whether there was a whole response and all of its body was stored."""
        response = self.exchange.response
        whole = response is not None and self.failure is None
        return whole and (response is None or response.body is None or response.body.stored == response.body.length)

    @cached_property
    def content(self) -> bytes | None:
        """The response's body with content codings undone, at most 8 MiB; None when that is not possible."""
        if not self.complete:
            return None
        return _decoded(self.body, self.header("content-encoding"))

    def json(self) -> Any:
        """The response's content as JSON with exact numbers.

        Raises:
            ValueError: it is not JSON in UTF-8, or was not stored whole.
        """
        if self.content is None:
            raise ValueError("the body was not stored whole")
        return _parsed(self.content)

    @cached_property
    def _match(self) -> tuple[str | None, dict[str, str]]:
        for method, operation, pattern in _OPERATIONS:
            if method == self.method and (found := pattern.fullmatch(self.path)):
                return operation, {name: unquote(value) for name, value in found.groupdict().items()}
        return None, {}

    @property
    def operation(self) -> str | None:
        """The operation of the interface that was asked for; None when it is none."""
        return self._match[0]

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters in the path, percent-decoded."""
        return self._match[1]

    def _stored(self, body: Body | None) -> bytes:
        return self._blobs[body.blob] if body else b""


def _headers(message: Message) -> list[tuple[str, str]]:
    lines = message.head.split("\r\n")[1:]
    parted = (line.partition(":") for line in lines)
    return [(name.strip().lower(), value.strip()) for name, colon, value in parted if colon]


def _joined(headers: list[tuple[str, str]], name: str) -> str | None:
    values = [value for known, value in headers if known == name.lower()]
    return ", ".join(values) if values else None


def _decoded(body: bytes, coding: str | None) -> bytes | None:
    for name in reversed([part.strip().lower() for part in (coding or "").split(",") if part.strip()]):
        if name == "identity":
            continue
        if name not in {"gzip", "x-gzip", "deflate"}:
            return None
        inflater = zlib.decompressobj(31 if "gzip" in name else 15)
        try:
            body = inflater.decompress(body, DECODED_AT_MOST)
        except zlib.error:
            return None
        if not inflater.eof:
            return None
    return body


def _json(body: bytes, stored: Body | None) -> Any:
    if stored is not None and stored.stored != stored.length:
        raise ValueError("the body was not stored whole")
    return _parsed(body)


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("the JSON text is nested too deeply") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object has a member twice")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
