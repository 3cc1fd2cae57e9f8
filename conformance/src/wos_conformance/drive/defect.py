"""Why a manifest must not be adopted, or is peculiar: each name changes one thing of a draft that was good."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from wos_conformance.drive.archive import HOSTILE, archive, hostile
from wos_conformance.drive.publication import Draft, Offer, canonical

_ALTERED = b"9999.0.0"

Change = Callable[[Draft], None]
Rewrite = Callable[[dict[str, Any]], None]


ON_THE_WAY = ("redirected", "altered", "truncated", "reset-midway", "endless", "stall", "coded-twice")
"""Behaviours for which a manifest cannot be adopted as long as artifacts are answered in that way."""


def offer(
    version: int, documents: Mapping[str, bytes], defect: str | None = None, note: str = "", authority: str = ""
) -> Offer:
    """A manifest of these documents, good or with this defect; a note names what is peculiar and does not matter.

    `authority` is what the defect `foreign-url` puts before each path.

    Raises:
        KeyError: there is no such defect.
    """
    draft = Draft(version, dict(documents))
    if note in PECULIARITIES:
        PECULIARITIES[note](draft)
    if defect is not None:
        DEFECTS[defect](draft)
    draft.authority = authority
    return draft.finished()


def _nothing(draft: Draft) -> None:
    """All is in the version, or in how requests for artifacts are answered."""


def _documents_altered(draft: Draft) -> None:
    """Documents and bundle alike are other ones than the digests of the documents say."""
    draft.served = {
        name: re.sub(rb'("revision": )"[^"]*"', rb'\1"' + _ALTERED + b'"', b) for name, b in draft.served.items()
    }
    draft.bundle = draft.served_bundle = archive(draft.served) if draft.served else None


def _one_altered(draft: Draft) -> None:
    """One document is another one than its digest says, in the bundle too."""
    name = max(draft.served)
    draft.served[name] += b"\n"
    draft.bundle = draft.served_bundle = archive(draft.served)


def _bundle_altered(draft: Draft) -> None:
    """A bundle with other bytes and the same members, and no documents."""
    draft.served_bundle, draft.served = archive(draft.documents, mtime=1), {}


def _all_altered(draft: Draft) -> None:
    """Documents and bundle have other bytes than their digests say."""
    draft.served = {name: body + b"\n" for name, body in draft.documents.items()}
    draft.served_bundle = archive(draft.documents, mtime=1)


def _other_ids(draft: Draft) -> None:
    """Each document is what its digest says, and that of another deployment."""
    changed = {n: re.sub(rb'^(\{\s*"id": ")[0-9a-f]{8}', rb"\g<1>ffffffff", b) for n, b in draft.documents.items()}
    draft.documents = changed
    draft.restore()


def _wrong_tag(draft: Draft) -> None:
    draft.tag = f'"sha256:{hashlib.sha256(draft.write({})).hexdigest()}"'


def _unknown_algorithm(draft: Draft) -> None:
    draft.algorithm = "sha512"


def _no_artifacts(draft: Draft) -> None:
    draft.has_artifacts = False


def _only_first(draft: Draft) -> None:
    """All but one document can be had, and no bundle."""
    draft.served.pop(max(draft.served))
    draft.served_bundle = None


def _hostile_bundle(kind: str) -> Change:
    """The bundle is what its digest says, and hostile; there are no documents."""

    def change(draft: Draft) -> None:
        draft.bundle = draft.served_bundle = hostile(kind, draft.documents)
        draft.served = {}

    return change


def _rewritten(rewrite: Rewrite) -> Change:
    def change(draft: Draft) -> None:
        write = draft.write

        def written(manifest: dict[str, Any]) -> bytes:
            rewrite(manifest)
            return write(manifest)

        draft.write = written

    return change


def _spelled(old: bytes, new: bytes) -> Change:
    """The manifest is written in other words."""

    def change(draft: Draft) -> None:
        draft.write = lambda manifest: canonical(manifest).replace(old, new, 1)

    return change


def _version_written(text: str) -> Change:
    def change(draft: Draft) -> None:
        draft.write = lambda manifest: re.sub(
            rb'("manifestVersion":)\d+', rb"\g<1>" + text.encode(), canonical(manifest)
        )

    return change


def _each(change: Callable[[dict[str, Any]], Any]) -> Rewrite:
    def rewrite(manifest: dict[str, Any]) -> None:
        for entry in manifest["deployments"]:
            change(entry)

    return rewrite


def _twice(manifest: dict[str, Any]) -> None:
    manifest["deployments"].append(manifest["deployments"][0])


def _twice_in_capitals(manifest: dict[str, Any]) -> None:
    entry = manifest["deployments"][0]
    manifest["deployments"].append({**entry, "deploymentId": entry["deploymentId"].upper()})


def _capital(digest: str) -> str:
    algorithm, _, digits = digest.partition(":")
    return f"{algorithm}:{digits.upper()}"


def _short_id(entry: dict[str, Any]) -> None:
    entry["deploymentId"] = entry["deploymentId"][:5]
    entry["url"] = f"/api/v1/deployments/{entry['deploymentId']}/{entry['digest']}"


def _short_digest(entry: dict[str, Any]) -> None:
    entry["digest"] = entry["digest"][:12]
    entry["url"] = f"/api/v1/deployments/{entry['deploymentId']}/{entry['digest']}"


DEFECTS: dict[str, Change] = {
    **dict.fromkeys(("version-lower", "version-equal", "foreign-url"), _nothing),
    "tag-wrong": _wrong_tag,
    "all-digests-wrong": _all_altered,
    "document-id-wrong": _other_ids,
    **dict.fromkeys((f"artifact-{behaviour}" for behaviour in ON_THE_WAY), _nothing),
    "document-digest-wrong": _documents_altered,
    "one-digest-wrong": _one_altered,
    "bundle-digest-wrong": _bundle_altered,
    "algorithm-unknown": _unknown_algorithm,
    **dict.fromkeys(("artifacts-missing", "unreachable"), _no_artifacts),
    "one-document-missing": _only_first,
    **{f"bundle-{kind}": _hostile_bundle(kind) for kind in HOSTILE},
    "manifest-not-json": _spelled(b"{", b""),
    "manifest-not-object": _spelled(b"{", b"[{"),
    "version-zero": _version_written("0"),
    "version-negative": _version_written("-1"),
    "version-fraction": _version_written("7.5"),
    "version-text": _version_written('"7"'),
    "version-too-large": _version_written(str(2**64)),
    "version-missing": _rewritten(lambda manifest: manifest.pop("manifestVersion")),
    "deployments-missing": _rewritten(lambda manifest: manifest.pop("deployments")),
    "deployment-twice": _rewritten(_twice),
    "deployment-twice-otherwise": _rewritten(_twice_in_capitals),
    "bundle-type-wrong": _rewritten(lambda manifest: manifest["bundle"].update(mediaType="application/gzip")),
    "digest-capital": _rewritten(_each(lambda entry: entry.update(digest=_capital(entry["digest"])))),
    "deployment-id-short": _rewritten(_each(_short_id)),
    "digest-short": _rewritten(_each(_short_digest)),
    "digest-missing": _rewritten(_each(lambda entry: entry.pop("digest"))),
}
"""All defects by name."""


def _wrong_sizes(manifest: dict[str, Any]) -> None:
    for entry in [*manifest["deployments"], *([manifest["bundle"]] if manifest["bundle"] else [])]:
        entry["sizeBytes"] += 7


def _future(manifest: dict[str, Any]) -> None:
    for entry in [manifest, *manifest["deployments"], *([manifest["bundle"]] if manifest["bundle"] else [])]:
        entry["futureMember"] = {"a": [1, None]}


PECULIARITIES: dict[str, Change] = {
    "sizes-wrong": _rewritten(_wrong_sizes),
    "sizes-missing": _rewritten(_each(lambda entry: entry.pop("sizeBytes"))),
    "unknown-members": _rewritten(_future),
}
"""All peculiarities by name; other notes change nothing."""
