"""What the double answers when nobody scripts it: the right answer by the specification, as bytes to be delivered."""

import gzip
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import unquote

from wos_conformance.drive.delivery import Delivery
from wos_conformance.drive.publication import BUNDLE, BUNDLE_TYPE, Artifacts, Offer

MANIFEST_TYPE = "application/vnd.margo.manifest.v1+json"
_IMMUTABLE = "private, max-age=31536000, immutable"
_TYPES = "https://docs.margo.org/specification/problem-types#"
_OPERATIONS = (
    ("PUT", "child", re.compile(r"/api/v1/capabilities/(?P<name>[^/]+(?:/|%2[Ff]).+)")),
    ("PUT", "capabilities", re.compile(r"/api/v1/capabilities/(?P<name>.+)")),
    ("DELETE", "capabilities", re.compile(r"/api/v1/capabilities/(?P<name>.+)")),
    ("GET", "manifest", re.compile(r"/api/v1/deployments(?P<name>)")),
    ("GET", "document", re.compile(r"/api/v1/deployments/(?P<name>[^/]+)/(?P<digest>[^/]+)")),
    ("GET", "bundle", re.compile(r"/api/v1/bundles/(?P<digest>[^/]+)")),
    ("POST", "status", re.compile(r"/api/v1/deployments/(?P<name>[^/]+)/status")),
)


_PASSING = (429, 500, 503)
_REFUSED = re.compile(r";q=0(\.0*)?$")


class Request(NamedTuple):
    """A request as it came: head with its blank line as Latin-1, body without transfer codings."""

    client: str
    head: str
    body: bytes
    started: float

    @property
    def start(self) -> tuple[str, str]:
        """Method and target."""
        method, target, *_ = [*self.head.partition("\r\n")[0].split(" "), "", ""]
        return method, target

    def header(self, name: str) -> str:
        """The value of a header; empty when there is none."""
        lines = (line.partition(":") for line in self.head.split("\r\n")[1:])
        return ", ".join(value.strip() for key, _, value in lines if key.strip().lower() == name.lower())


@dataclass
class Client:
    """What is served to one agent, and what it has told."""

    offer: Offer | None = None
    artifacts: Artifacts = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)
    reported: set[str] = field(default_factory=set)
    unreachable: bool = False
    coded: bool = False
    """Whether bodies travel in gzip when the agent allows it."""


@dataclass(frozen=True)
class Answer:
    """A response; `operation` says what was asked for, `name` which script made it."""

    operation: str | None
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    name: str | None = None
    delivery: Delivery = Delivery()  # noqa: RUF009 - it is frozen

    def having(self, name: str, value: str | None) -> "Answer":
        """The same with another value of a header, or without it."""
        others = tuple((known, kept) for known, kept in self.headers if known != name)
        return replace(self, headers=others if value is None else (*others, (name, value)))

    def header(self, name: str) -> str | None:
        """The value of a header, spelled as here."""
        return dict(self.headers).get(name)

    def head(self) -> str:
        """Status line and headers with the blank line."""
        phrase = HTTPStatus(self.status).phrase
        fields = [("Date", format_datetime(datetime.now(UTC), usegmt=True)), *self.headers]
        if self.status not in (204, 304):
            fields.append(("Content-Length", str(self.delivery.promised(self.body))))
        return f"HTTP/1.1 {self.status} {phrase}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields) + "\r\n"


def right(request: Request, client: Client) -> Answer:
    """What a right WOS answers."""
    method, target = request.start
    for expected, operation, pattern in _OPERATIONS:
        found = pattern.fullmatch(target.partition("?")[0])
        if found and method == expected:
            names = {key: unquote(value) for key, value in found.groupdict().items()}
            answer = replace(_ANSWERS[operation](request, client, names), operation=operation)
            return _in_gzip(answer) if client.coded and _allows_gzip(request) else answer
    return problem(404)


def _allows_gzip(request: Request) -> bool:
    codings = [coding.replace(" ", "").lower() for coding in request.header("accept-encoding").split(",")]
    return any(coding.partition(";")[0] in ("gzip", "*") and not _REFUSED.search(coding) for coding in codings)


def _in_gzip(answer: Answer) -> Answer:
    if answer.status != 200 or not answer.body:
        return answer
    coded = replace(answer, body=gzip.compress(answer.body, mtime=0))
    return coded.having("Content-Encoding", "gzip").having("Vary", "Accept-Encoding")


def take(request: Request, answer: Answer, client: Client) -> None:
    """Remember what a request that was answered in the right way has told."""
    name = request.start[1].partition("?")[0]
    if answer.operation in ("capabilities", "child") and answer.status in (200, 201):
        client.devices.add(name)
    elif answer.operation == "capabilities":
        client.devices.discard(name)
    elif answer.operation == "status" and answer.status in (200, 201):
        client.reported.add(name)


def _capabilities(request: Request, client: Client, names: dict[str, str]) -> Answer:
    known = request.start[1] in client.devices
    if request.start[0] == "DELETE":
        return Answer(None, 204) if known else problem(404, "device-not-found")
    return Answer(None, 200 if known else 201)


def _manifest(request: Request, client: Client, names: dict[str, str]) -> Answer:
    whole = manifest_of(client)
    held = request.header("if-none-match")
    if whole.status == 200 and ((whole.header("ETag") or "") in held or held == "*"):
        return replace(whole, status=304, body=b"").having("Content-Type", None)
    return whole


def manifest_of(client: Client) -> Answer:
    """The manifest, whatever the client holds."""
    if client.offer is None:
        return replace(problem(503, retry_after="1"), operation="manifest")
    headers = (("Content-Type", MANIFEST_TYPE), ("ETag", client.offer.etag), ("Cache-Control", "private"))
    return Answer("manifest", 200, headers, client.offer.manifest)


def _artifact(name: str, digest: str, media_type: str, missing: str, client: Client) -> Answer:
    body = client.artifacts.get((name, digest))
    if body is None:
        return problem(500) if client.unreachable else problem(404, missing)
    headers = (("Content-Type", media_type), ("ETag", f'"{digest}"'), ("Cache-Control", _IMMUTABLE))
    return Answer(None, 200, headers, body)


def _document(request: Request, client: Client, names: dict[str, str]) -> Answer:
    return _artifact(names["name"], names["digest"], "application/yaml", "deployment-not-found", client)


def _bundle(request: Request, client: Client, names: dict[str, str]) -> Answer:
    return _artifact(BUNDLE, names["digest"], BUNDLE_TYPE, "invalid-bundle", client)


def _status(request: Request, client: Client, names: dict[str, str]) -> Answer:
    return Answer(None, 200 if request.start[1] in client.reported else 201)


_ANSWERS: dict[str, Callable[[Request, Client, dict[str, str]], Answer]] = {
    "capabilities": _capabilities,
    "child": _capabilities,
    "manifest": _manifest,
    "document": _document,
    "bundle": _bundle,
    "status": _status,
}


def problem(
    status: int,
    kind: str | None = None,
    retry_after: str | None = None,
    members: Mapping[str, object] = MappingProxyType({}),
) -> Answer:
    """A problem document, which says for how long when it will pass; `members` are added or replaced."""
    passes = status in _PASSING
    content = {
        "type": _TYPES + kind if kind else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "retryable": passes,
        "backoffStrategy": "exponential" if passes else "none",
        **members,
    }
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/problem+json"),)
    if retry_after is not None:
        headers += (("Retry-After", retry_after),)
    return Answer(None, status, headers, json.dumps(content).encode())
