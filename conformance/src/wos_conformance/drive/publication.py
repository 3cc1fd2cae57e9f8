"""What the double publishes: documents, bundles and manifests as bytes, good ones and drafts with one defect."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wos_conformance.drive.archive import archive

BUNDLE_TYPE = "application/vnd.margo.bundle.v1+tar+gzip"
BUNDLE = "bundle"

Artifacts = dict[tuple[str, str], bytes]
"""Bodies by name (deployment id or `bundle`) and digest."""


@dataclass(frozen=True)
class Offer:
    """A manifest, and what is served for it; a lie may be that `artifacts` lacks what the manifest names."""

    version: int
    manifest: bytes
    bundle: bytes | None
    documents: dict[str, tuple[str, bytes]]
    """Digest as stated and bytes as served, by deployment id."""
    artifacts: Artifacts
    etag: str


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """The digest of exact bytes, also by an algorithm that no agent knows."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def document(deployment_id: str, device_id: str, application: Mapping[str, Any], values: Mapping[str, Any]) -> bytes:
    """The document of a deployment; JSON is YAML, and every text in it is quoted."""
    profile = {name: value for name, value in application["deploymentProfiles"][0].items() if name != "id"}
    parameters = {
        name: {"value": values.get(name, parameter["value"]), "targets": parameter["targets"]}
        for name, parameter in application.get("parameters", {}).items()
    }
    content = {
        "id": deployment_id,
        "metadata": {
            "name": application["metadata"]["name"],
            "namespace": f"app-{deployment_id[:8]}",
            "deviceId": device_id,
        },
        "spec": {
            "applicationId": application["id"],
            "deploymentProfile": profile,
            "parameters": parameters,
        },
    }
    return json.dumps(content, indent=1).encode() + b"\n"


@dataclass
class Draft:
    """A manifest in the making; whoever changes one member of it makes one defect.

    `served` are the documents as they can be had, `documents` as their digests say;
    `served_bundle` and `bundle` likewise; `authority` stands before each path, `tag` in place of the right one.
    `write` turns the manifest into its final bytes.
    """

    version: int
    documents: dict[str, bytes]
    algorithm: str = "sha256"
    served: dict[str, bytes] = field(init=False)
    bundle: bytes | None = field(init=False)
    served_bundle: bytes | None = field(init=False)
    has_artifacts: bool = True
    authority: str = ""
    tag: str | None = None
    write: Callable[[dict[str, Any]], bytes] = field(default_factory=lambda: canonical)

    def __post_init__(self) -> None:
        self.restore()

    def restore(self) -> None:
        """Serve exactly the documents, alone and as bundle."""
        self.served = dict(self.documents)
        self.bundle = archive(self.documents) if self.documents else None
        self.served_bundle = self.bundle

    def finished(self) -> Offer:
        """The offer that this draft makes."""
        digests = {name: digest_of(body, self.algorithm) for name, body in self.documents.items()}
        bundle_digest = digest_of(self.bundle, self.algorithm) if self.bundle is not None else ""
        artifacts: Artifacts = {(name, digests[name]): body for name, body in self.served.items()}
        if self.served_bundle is not None:
            artifacts[BUNDLE, bundle_digest] = self.served_bundle
        manifest = self.write(self._manifest(digests, bundle_digest))
        stated = {name: (digest, self.served.get(name, self.documents[name])) for name, digest in digests.items()}
        bundle = self.served_bundle if self.served_bundle is not None else self.bundle
        tag = self.tag or f'"{digest_of(manifest)}"'
        return Offer(self.version, manifest, bundle, stated, artifacts if self.has_artifacts else {}, tag)

    def _manifest(self, digests: Mapping[str, str], bundle_digest: str) -> dict[str, Any]:
        entries = [
            {
                "deploymentId": name,
                "digest": digest,
                "sizeBytes": len(self.documents[name]),
                "url": f"{self.authority}/api/v1/deployments/{name}/{digest}",
            }
            for name, digest in sorted(digests.items())
        ]
        bundle = None
        if self.bundle is not None:
            url = f"{self.authority}/api/v1/bundles/{bundle_digest}"
            bundle = {
                "mediaType": BUNDLE_TYPE,
                "digest": bundle_digest,
                "sizeBytes": len(self.bundle),
                "url": url,
            }
        return {"manifestVersion": self.version, "bundle": bundle, "deployments": entries}


def canonical(manifest: dict[str, Any]) -> bytes:
    """A manifest as a right WOS writes it."""
    return json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
