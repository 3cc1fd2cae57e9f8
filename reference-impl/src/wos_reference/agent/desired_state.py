"""The manifest: how it is read, checked and compared (`desired-state.md`). Anything unclear makes it unusable."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

MANIFEST_PATH = "/api/v1/deployments"
MANIFEST_MEDIA_TYPE = "application/vnd.margo.manifest.v1+json"
BUNDLE_MEDIA_TYPE = "application/vnd.margo.bundle.v1+tar+gzip"
GREATEST_VERSION = 2**64 - 1
DEPLOYMENT_LIMIT = 1000
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
DEPLOYMENT_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
DOCUMENT_URL = re.compile(r"/api/v1/deployments/[0-9a-fA-F-]{36}/sha256:[0-9a-f]{64}")
BUNDLE_URL = re.compile(r"/api/v1/bundles/sha256:[0-9a-f]{64}")


class ManifestError(Exception):
    """The manifest, or something that it names, cannot be verified; nothing may change because of it."""


class RefusalError(ManifestError):
    """Something that the manifest names was refused by the WOS or by the agent; `code` is that of `status.md`."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Entry:
    """One deployment of a manifest: its id, the digest of its document, and the path at which that is served."""

    deployment_id: str
    digest: str
    path: str

    @property
    def member_name(self) -> str:
        """The name of the document in the bundle."""
        return f"{self.deployment_id}.yaml"


@dataclass(frozen=True)
class Bundle:
    """The bundle of a manifest: its digest, and the path at which it is served."""

    digest: str
    path: str


@dataclass(frozen=True)
class Manifest:
    """A manifest that is well formed; `tag` is the quoted digest of its exact bytes."""

    version: int
    tag: str
    bundle: Bundle | None
    entries: tuple[Entry, ...]


def digest_of(body: bytes) -> str:
    """The digest of exact bytes, as the specification writes it."""
    return "sha256:" + hashlib.sha256(body).hexdigest()


def tag_of(body: bytes) -> str:
    """The entity tag of a body: its digest between double quotes."""
    return f'"{digest_of(body)}"'


def verify_digest(body: bytes, digest: str) -> None:
    """Check that `body` has `digest`. Raises ManifestError."""
    if digest_of(body) != digest:
        raise RefusalError("verification-failed", f"{len(body)} bytes have the digest {digest_of(body)}, not {digest}")


def verify_manifest(body: bytes, tag: str | None, content_type: str | None) -> None:
    """Check `body` against the `ETag` and the type that came with it. Raises ManifestError."""
    if tag != tag_of(body):
        raise ManifestError(f"the manifest came with the tag {tag!r:.100}, and its bytes have {tag_of(body)}")
    if (content_type or "").partition(";")[0].strip().lower() != MANIFEST_MEDIA_TYPE:
        raise ManifestError(f"the manifest is of the type {content_type!r:.100}")


def is_newer(version: int, adopted: int) -> bool:
    """Whether a manifest may replace the adopted one; whole numbers, compared exactly."""
    return version > adopted


def read_manifest(body: bytes) -> Manifest:
    """Read the bytes of a manifest; members that are not defined are ignored. Raises ManifestError."""
    content = _object(_parse(body), "the manifest")
    entries = tuple(_entry(item) for item in _array(content.get("deployments")))
    if len({entry.deployment_id.lower() for entry in entries}) != len(entries):
        raise ManifestError("a deployment is named twice")
    if "bundle" not in content:
        raise ManifestError("bundle is missing")
    return Manifest(
        version=_version(content.get("manifestVersion")),
        tag=tag_of(body),
        bundle=_bundle(content["bundle"]),
        entries=entries,
    )


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"the manifest is not JSON in UTF-8: {error}") from error


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ManifestError(f"{name} is not an object")
    return value


def _array(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > DEPLOYMENT_LIMIT:
        raise ManifestError(f"deployments is not an array of at most {DEPLOYMENT_LIMIT}")
    return value


def _require_size(item: dict[str, Any]) -> None:
    size = item.get("sizeBytes", 0)
    if isinstance(size, bool) or not isinstance(size, (int, float)) or size < 0 or size != size // 1:
        raise ManifestError(f"sizeBytes is {size!r:.40}; expected a whole number from 0")


def _version(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= GREATEST_VERSION:  # bool is an int, and 1.0 is not written as digits
        raise ManifestError(f"manifestVersion is {value!r:.40}; expected a whole number from 1 to 2^64-1")
    return value


def known_digest(value: Any) -> str:
    """`value` if it is a digest of the one algorithm that is known. Raises ManifestError."""
    if not isinstance(value, str) or not DIGEST.fullmatch(value):
        raise ManifestError(f"{value!r:.100} is not sha256: and 64 lower-case hexadecimal digits")
    return value


def _url(item: dict[str, Any], form: re.Pattern[str]) -> str:
    """The place of something, whatever it names: the digest decides. It never leads to another host."""
    url = item.get("url")
    if not isinstance(url, str) or not form.fullmatch(url):
        raise ManifestError(f"{url!r:.200} is not where such a thing is served")
    return url


def _bundle(value: Any) -> Bundle | None:
    if value is None:
        return None
    bundle = _object(value, "bundle")
    _require_size(bundle)
    if bundle.get("mediaType") != BUNDLE_MEDIA_TYPE:
        raise ManifestError("the bundle has another media type")
    return Bundle(known_digest(bundle.get("digest")), _url(bundle, BUNDLE_URL))


def _entry(value: Any) -> Entry:
    item = _object(value, "a deployment")
    _require_size(item)
    deployment_id = item.get("deploymentId")
    if not isinstance(deployment_id, str) or not DEPLOYMENT_ID.fullmatch(deployment_id):
        raise ManifestError(f"{deployment_id!r:.100} is not a deployment id")
    return Entry(deployment_id, known_digest(item.get("digest")), _url(item, DOCUMENT_URL))
