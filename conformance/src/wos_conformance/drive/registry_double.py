"""A registry that faces an agent and its runtime: the reading half of OCI distribution, right or wrong on command.

It speaks HTTP with TLS and without, on one port: to Helm and Docker, "localhost" is a registry that may have none.
"""

import json
import re
import socket
import ssl
from collections import Counter
from dataclasses import dataclass
from typing import Any

from wos_conformance.drive import image, package
from wos_conformance.drive.answer import Answer, Request
from wos_conformance.drive.delivery import Delivery
from wos_conformance.drive.listener import Listener
from wos_conformance.drive.package import Package
from wos_conformance.drive.plain import Stream, plain_or_secure
from wos_conformance.drive.publication import digest_of
from wos_conformance.drive.tls import registry_context
from wos_conformance.drive.trust_domain import TrustDomain
from wos_conformance.history import Credential, Exchange, Recorder

NAME = "registry-double"
HOST = "localhost"
_PATIENCE = 10.0
_PATH = re.compile(r"/v2/(?P<place>(?P<shelf>[^/]+)/(?P<name>[^/]+))/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)")
_HEADERS = (("Docker-Distribution-API-Version", "registry/2.0"),)
_BLOB_TYPE = "application/octet-stream"
_MISSING = {"manifests": "MANIFEST_UNKNOWN", "blobs": "BLOB_UNKNOWN"}


@dataclass(frozen=True)
class _HeadOnly(Delivery):
    """The head of an answer whose body would have so many bytes."""

    length: int = 0

    def promised(self, body: bytes) -> int:
        """The length that the head announces."""
        return self.length


class RegistryDouble(Listener):
    """Has every chart below `helm` and every archive below `compose` in every revision, and the images of these."""

    def __init__(self, recorder: Recorder) -> None:
        self._authority = TrustDomain.create("registries.example", "registry")
        self._flaws: dict[str, str] = {}
        self._held: dict[str, dict[str, tuple[str, bytes]]] = {}
        super().__init__(recorder, (Credential(name=NAME), registry_context(self._authority.service(HOST))))

    @property
    def authority(self) -> str:
        """Host and port."""
        return f"{HOST}:{self.address[1]}"

    @property
    def anchors_pem(self) -> bytes:
        """To what its certificate chains."""
        return self._authority.bundle_pem

    def stream(self, plain: socket.socket, context: ssl.SSLContext) -> Stream:
        """TLS or none, as the caller begins."""
        return plain_or_secure(plain, context, _PATIENCE)

    def spoil(self, repository: str, flaw: str) -> None:
        """Give all revisions of a repository this flaw (`package.COMPOSE_FLAWS`), or let it be `missing`."""
        with self.changed:
            self._flaws[self._place(repository)] = flaw

    def tries(self, repository: str) -> int:
        """How often somebody has got a package, or was told that it is not there."""
        place = f"/v2/{self._place(repository)}/"
        with self.changed:
            asked = [exchange for known in self.exchanges.values() for exchange in known]
        ends = (e for e in asked if place in e.request.head and ("/blobs/" in e.request.head or _is_404(e)))
        return max(Counter(exchange.request.head.partition(" HTTP")[0] for exchange in ends).values(), default=0)

    def _place(self, repository: str) -> str:
        return repository.removeprefix(f"oci://{self.authority}/")

    def answer(self, request: Request) -> Answer:
        """What is asked for."""
        method, target = request.start
        found = self._found(target.partition("?")[0])
        if method not in ("GET", "HEAD"):
            found = _error(405, "UNSUPPORTED")
        if method == "HEAD":
            return Answer(None, found.status, found.headers, delivery=_HeadOnly(length=len(found.body)))
        return found

    def _found(self, path: str) -> Answer:
        if path.rstrip("/") == "/v2":
            return _content("application/json", b"{}")
        asked = _PATH.fullmatch(path)
        if asked is None:
            return _error(404, "NAME_UNKNOWN")
        reference, place = asked["reference"], asked["place"]
        with self.changed:
            if asked["kind"] == "manifests" and ":" not in reference:
                reference = self._take_up(place, asked["shelf"], asked["name"], reference)
            held = self._held.get(place, {}).get(reference)
        if held is None:
            return _error(404, _MISSING[asked["kind"]])
        return _content(*held, ("Docker-Content-Digest", reference))

    def _take_up(self, place: str, shelf: str, name: str, tag: str) -> str:
        """Hold what a tag means; the digest of its manifest."""
        found = self._package(shelf, name, tag, self._flaws.get(place))
        return self._hold(self._held.setdefault(place, {}), found) if found else ""

    def _hold(self, held: dict[str, tuple[str, bytes]], found: Package) -> str:
        held.update({digest: (_BLOB_TYPE, blob) for digest, blob in found.blobs.items()})
        for part in found.parts:
            self._hold(held, part)
        digest = digest_of(found.manifest)
        held[digest] = found.media_type, found.manifest
        return digest

    def _package(self, shelf: str, name: str, tag: str, flaw: str | None) -> Package | None:
        if flaw == "missing":
            return None
        if shelf == "helm":
            return package.chart(name, tag, flaw)
        if shelf == "compose":
            return package.compose(name, tag, flaw, f"{self.authority}/images")
        if shelf == "images" and tag.isdigit() and int(tag) < 256:
            return image.image(int(tag) if name == "ends" else None)
        return None


def _is_404(exchange: Exchange) -> bool:
    return exchange.response is not None and exchange.response.head.startswith("HTTP/1.1 404")


def _content(media_type: str, body: bytes, *more: tuple[str, str]) -> Answer:
    return Answer(None, 200, (*_HEADERS, ("Content-Type", media_type), *more), body)


def _error(status: int, code: str) -> Answer:
    told: dict[str, Any] = {"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}
    return Answer(None, status, (*_HEADERS, ("Content-Type", "application/json")), json.dumps(told).encode())
