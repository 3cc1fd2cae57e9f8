"""One identity at the door of a WOS, and what it reads there."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from wos_conformance.drive.client import MANIFEST_TYPE, Answer, Visitor

_UNRESERVED = "/~"


class Entry(msgspec.Struct, frozen=True, rename="camel"):
    """One deployment in a manifest."""

    deployment_id: str
    digest: str


class _BundleReference(msgspec.Struct, frozen=True):
    digest: str


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """As much of a served manifest as a scenario needs to go on."""

    manifest_version: int
    bundle: _BundleReference | None
    deployments: list[Entry]

    @property
    def version(self) -> int:
        """`manifestVersion`."""
        return self.manifest_version

    @property
    def bundle_digest(self) -> str | None:
        """The digest of the bundle, if there is one."""
        return self.bundle.digest if self.bundle else None


@dataclass(frozen=True)
class Deployment:
    """A deployment that the scenario has assigned."""

    id: str
    components: Sequence[str]


class Client:
    """One identity at the door of the WOS, with one device."""

    def __init__(self, visitor: Visitor, device_id: str) -> None:
        self.visitor = visitor
        self.device_id = device_id
        self.poll = visitor.poll
        self.document = visitor.document
        self.bundle = visitor.bundle
        self.new_connection = visitor.new_connection

    @property
    def spiffe_id(self) -> str:
        """The SPIFFE id of its certificate."""
        return self.visitor.svid.spiffe_id if self.visitor.svid and self.visitor.svid.spiffe_id else ""

    @property
    def client_id(self) -> str:
        """The last segment of its SPIFFE id."""
        return self.spiffe_id.rpartition("/")[2]

    def device_path(self, device_id: str | None = None) -> str:
        """The path of a device's record, its own by default."""
        return f"/api/v1/capabilities/{quote(device_id or self.device_id, safe=_UNRESERVED)}"

    def send(self, method: str, path: str, body: bytes, media_type: str | None = "application/json") -> Answer:
        """Send these bytes as JSON or as another type, whatever they are."""
        return self.visitor.request(method, path, [("Content-Type", media_type)] if body and media_type else [], body)

    def poll_with(self, *headers: tuple[str, str]) -> Answer:
        """Ask for the manifest with more headers."""
        return self.visitor.poll(None, MANIFEST_TYPE, *headers)

    def announce(
        self, document: dict[str, Any], device_id: str | None = None, media_type: str | None = "application/json"
    ) -> Answer:
        """Announce capabilities under the path of a device, its own by default."""
        return self.send("PUT", self.device_path(device_id), json_bytes(document), media_type)

    def announce_in_pieces(self, document: dict[str, Any]) -> Answer:
        """Announce capabilities in chunks, without their length."""
        headers = [("content-type", "application/json; charset=utf-8"), ("Transfer-Encoding", "chunked")]
        return self.visitor.request("PUT", self.device_path(), headers, json_bytes(document))

    def forget(self, device_id: str) -> Answer:
        """Withdraw a device."""
        return self.send("DELETE", self.device_path(device_id), b"")

    def report(
        self,
        report: dict[str, Any],
        deployment_id: str | None = None,
        media_type: str | None = "application/json",
    ) -> Answer:
        """Send a status report under the path of a deployment, the one it names by default."""
        path = f"/api/v1/deployments/{deployment_id or report['deploymentId']}/status"
        return self.send("POST", path, json_bytes(report), media_type)

    def fetch_all(self, manifest: Manifest, coding: str | None = None) -> None:
        """Fetch every document and the bundle that a manifest names."""
        for entry in manifest.deployments:
            self.document(entry.deployment_id, entry.digest, coding=coding)
        if manifest.bundle_digest:
            self.bundle(manifest.bundle_digest, coding=coding)


def json_bytes(value: Any) -> bytes:
    """The value as JSON in UTF-8, as short as it can be."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
