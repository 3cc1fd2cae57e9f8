"""Documents, bundles and manifests as bytes; the same content always gives the same bytes."""

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

MANIFEST_TYPE = "application/vnd.margo.manifest.v1+json"
BUNDLE_TYPE = "application/vnd.margo.bundle.v1+tar+gzip"
DOCUMENT_TYPE = "application/yaml"

_FOR_DEVICES = ("type", "components", "deviceConstraints")
_EXTENSION = re.compile(r"x-[a-z][a-z0-9-]*-extensions")


class _Dumper(yaml.SafeDumper):
    """Quotes every text, so that YAML 1.1 and 1.2 readers agree on what it is, and writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


@dataclass(frozen=True)
class Deployment:
    """What was assigned: an application, one of its profiles, values for parameters, a device."""

    id: str
    device_id: str
    application: dict[str, Any]
    profile_id: str
    parameters: dict[str, Any]


def digest_of(content: bytes) -> str:
    """The digest of exact bytes (desired-state.md, "Entity tags and caching")."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def profile_of(deployment: Deployment) -> dict[str, Any]:
    """The chosen profile.

    Raises:
        KeyError: the application has no such profile.
    """
    for profile in deployment.application["deploymentProfiles"]:
        if profile["id"] == deployment.profile_id:
            return dict(profile)
    raise KeyError(deployment.profile_id)


def document(deployment: Deployment) -> bytes:
    """The document of a deployment (deployment.md)."""
    profile = profile_of(deployment)
    kept = {name: profile[name] for name in profile if name in _FOR_DEVICES or _EXTENSION.fullmatch(name)}
    content = {
        "id": deployment.id,
        "metadata": metadata(deployment),
        "spec": {
            "applicationId": deployment.application["id"],
            "deploymentProfile": kept,
            "parameters": parameters(deployment),
        },
    }
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=1_000_000)
    return text.encode()


def metadata(deployment: Deployment) -> dict[str, str]:
    """Names chosen by the WOS, and the device."""
    name = deployment.application["metadata"]["name"]
    return {"name": name, "namespace": f"app-{deployment.id[:8]}", "deviceId": deployment.device_id}


def parameters(deployment: Deployment) -> dict[str, Any]:
    """Each parameter with a value: the assigned one, else that of the description."""
    described: dict[str, Any] = deployment.application.get("parameters", {})
    found = {}
    for name, parameter in described.items():
        value = deployment.parameters.get(name, parameter.get("value"))
        if value is not None:
            found[name] = {"value": value, "targets": parameter["targets"]}
    return found


def bundle(documents: Mapping[str, bytes]) -> bytes:
    """The archive of all documents by deployment id (desired-state.md, "The bundle")."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for deployment_id in sorted(documents):
            member = tarfile.TarInfo(f"{deployment_id}.yaml")
            member.size = len(documents[deployment_id])
            archive.addfile(member, io.BytesIO(documents[deployment_id]))
    return gzip.compress(buffer.getvalue(), mtime=0)


def manifest(version: int, documents: Mapping[str, bytes], archive: bytes | None) -> bytes:
    """The manifest of a client (desired-state.md, "The manifest")."""
    content = {
        "manifestVersion": version,
        "bundle": bundle_reference(archive),
        "deployments": [entry(deployment_id, documents[deployment_id]) for deployment_id in sorted(documents)],
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def bundle_reference(archive: bytes | None) -> dict[str, Any] | None:
    """How a manifest names its bundle."""
    if archive is None:
        return None
    digest = digest_of(archive)
    return {"mediaType": BUNDLE_TYPE, "digest": digest, "sizeBytes": len(archive), "url": f"/api/v1/bundles/{digest}"}


def entry(deployment_id: str, content: bytes) -> dict[str, Any]:
    """How a manifest names a document."""
    digest = digest_of(content)
    url = f"/api/v1/deployments/{deployment_id}/{digest}"
    return {"deploymentId": deployment_id, "digest": digest, "sizeBytes": len(content), "url": url}
