"""What the double publishes: documents, bundles and manifests as bytes, and their lies."""

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BUNDLE_TYPE = "application/vnd.margo.bundle.v1+tar+gzip"
BUNDLE = "bundle"
_ALTERED = "9999.0.0"

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

    @property
    def etag(self) -> str:
        """The tag of the manifest."""
        return f'"{digest_of(self.manifest)}"'


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """The digest of exact bytes, also by an algorithm that no agent knows."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def document(deployment_id: str, device_id: str, application: Mapping[str, Any], values: Mapping[str, Any]) -> bytes:
    """The document of a deployment; JSON is YAML, and every text in it is quoted."""
    profile = application["deploymentProfiles"][0]
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
            "deploymentProfile": {"type": profile["type"], "components": profile["components"]},
            "parameters": parameters,
        },
    }
    return json.dumps(content, indent=1).encode() + b"\n"


def archive(documents: Mapping[str, bytes], mtime: int = 0) -> bytes:
    """The bundle of these documents; another `mtime` gives other bytes with the same members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(documents):
            member = tarfile.TarInfo(f"{name}.yaml")
            member.size = len(documents[name])
            tar.addfile(member, io.BytesIO(documents[name]))
    return gzip.compress(buffer.getvalue(), mtime=mtime)


def offer(version: int, documents: Mapping[str, bytes], defect: str | None = None, note: str = "") -> Offer:
    """A manifest of these documents, good or with this defect.

    `document-digest-wrong` alters all documents and the bundle alike behind the stated digests of the documents.
    `bundle-digest-wrong` serves a bundle with other bytes and the same members, and no documents.
    `algorithm-unknown` writes all digests by SHA-512.
    `artifacts-missing` and `unreachable` serve nothing at all.
    `version-lower` and `version-equal` are right in everything but their version.
    """
    served = (
        {name: _altered(body) for name, body in documents.items()} if defect == "document-digest-wrong" else documents
    )
    bundle = archive(served) if served else None
    algorithm = "sha512" if defect == "algorithm-unknown" else "sha256"
    digests = {name: digest_of(body, algorithm) for name, body in documents.items()}
    bundle_digest = digest_of(bundle, algorithm) if bundle else ""
    artifacts: Artifacts = {(name, digests[name]): served[name] for name in documents}
    if bundle:
        artifacts[BUNDLE, bundle_digest] = bundle
    if defect == "bundle-digest-wrong" and bundle:
        artifacts = {(BUNDLE, bundle_digest): archive(served, mtime=1)}
    if defect in ("artifacts-missing", "unreachable"):
        artifacts = {}
    manifest = _manifest(version, digests, served, (bundle_digest, bundle), note)
    stated = {name: (digests[name], served[name]) for name in documents}
    return Offer(version, manifest, artifacts.get((BUNDLE, bundle_digest), bundle), stated, artifacts)


def _altered(body: bytes) -> bytes:
    return re.sub(rb'("revision": )"[^"]*"', rb'\1"' + _ALTERED.encode() + b'"', body)


def _manifest(
    version: int,
    digests: Mapping[str, str],
    bodies: Mapping[str, bytes],
    bundle: tuple[str, bytes | None],
    note: str,
) -> bytes:
    wrong = 7 if note == "sizes-wrong" else 0
    more: dict[str, Any] = {"futureMember": {"a": [1, None]}} if note == "unknown-members" else {}
    content = {
        "manifestVersion": version,
        "bundle": None,
        "deployments": [
            {
                "deploymentId": name,
                "digest": digest,
                "sizeBytes": len(bodies[name]) + wrong,
                "url": f"/api/v1/deployments/{name}/{digest}",
                **more,
            }
            for name, digest in sorted(digests.items())
        ],
        **more,
    }
    digest, body = bundle
    if body is not None:
        url = f"/api/v1/bundles/{digest}"
        reference = {"mediaType": BUNDLE_TYPE, "digest": digest, "sizeBytes": len(body) + wrong, "url": url}
        content["bundle"] = {**reference, **more}
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
