"""Sins of a WOS around desired-state."""

import itertools
import json
import re
import struct
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from starlette.responses import Response

from mutants.catalogue import WOS, Patch
from wos_reference.wos import artifact, coding, fleet, interface, publication, report
from wos_reference.wos.fleet import Fleet


@WOS.against("desired-state.etag-is-digest", consequences=("desired-state.coding-digest",))
def tags_what_it_does_not_send(patch: Patch) -> None:
    """Computes the tag of a manifest without its last byte (D43)."""
    patch(interface, "manifest_headers", lambda c: {"ETag": interface.etag_of(c[:-1]), "Cache-Control": "private"})


@WOS.against("desired-state.etag-is-digest")
def tags_the_bundle(patch: Patch) -> None:
    """The tag of a manifest is the digest of its bundle (D01)."""

    def of_bundle(content: bytes) -> dict[str, str]:
        bundle = json.loads(content)["bundle"] or {"digest": artifact.digest_of(content)}
        return {"ETag": f'"{bundle["digest"]}"', "Cache-Control": "private"}

    patch(interface, "manifest_headers", of_bundle)


@WOS.against("desired-state.etag-is-digest", consequences=("desired-state.coding-digest",))
def tags_with_bare_digits(patch: Patch) -> None:
    """Leaves the name of the algorithm out of a tag (D42)."""

    def bare(content: bytes) -> dict[str, str]:
        return {"ETag": interface.etag_of(content).replace("sha256:", ""), "Cache-Control": "private"}

    patch(interface, "manifest_headers", bare)


@WOS.against("desired-state.manifest-cache-private")
def says_nothing_about_caching(patch: Patch) -> None:
    """Sends no `Cache-Control` with a manifest (D44)."""
    patch(interface, "manifest_headers", lambda content: {"ETag": interface.etag_of(content)})


@WOS.against("desired-state.manifest-not-immutable")
def marks_the_manifest_immutable(patch: Patch) -> None:
    """Lets caches keep a manifest for ever (D03)."""
    patch(interface, "manifest_headers", interface.artifact_headers)


@WOS.against("desired-state.not-modified")
def ignores_tags(patch: Patch) -> None:
    """Serves the manifest whatever the caller holds."""
    patch(interface, "matches", lambda if_none_match, etag: False)


@WOS.against("desired-state.not-modified")
def knows_no_lists_of_tags(patch: Patch) -> None:
    """Compares `If-None-Match` as one text (D08)."""
    patch(interface, "matches", lambda if_none_match, etag: if_none_match == [etag])


@WOS.against("desired-state.modified-served")
def takes_any_tag_for_the_current_one(patch: Patch) -> None:
    """Answers 304 to every conditional request."""
    patch(interface, "matches", lambda if_none_match, etag: bool(if_none_match))


@WOS.against("desired-state.modified-served")
def trims_quotes(patch: Patch) -> None:
    """Takes a text without quotes for a tag (D08)."""
    patch(interface, "_quoted", lambda if_none_match: True)


@WOS.against("desired-state.modified-served", consequences=("desired-state.change-published",))
def takes_equal_bundles_for_equal_manifests(patch: Patch) -> None:
    """Answers 304 when the bundle is the one that came with the caller's tag, whatever the version is (D02)."""
    matches, headers, bundles = interface.matches, interface.manifest_headers, dict[str, Any]()

    def note(content: bytes) -> dict[str, str]:
        sent = headers(content)
        bundles[sent["ETag"]] = (json.loads(content)["bundle"] or {}).get("digest")
        return sent

    def alike(if_none_match: list[str], etag: str) -> bool:
        known = [tag for tag in bundles if tag in ", ".join(if_none_match)]
        return matches(if_none_match, etag) or any(bundles[tag] == bundles.get(etag, "") for tag in known)

    patch(interface, "manifest_headers", note)
    patch(interface, "matches", alike)


@WOS.against("desired-state.accept-absent")
def refuses_a_missing_accept(patch: Patch) -> None:
    """Wants to be told what it should send (D10)."""
    accepts = interface.accepts_manifest
    patch(interface, "accepts_manifest", lambda accept: bool(accept) and accepts(accept))


@WOS.against("desired-state.accept-unsupported", consequences=("desired-state.accept-zero-refused",))
def ignores_accept(patch: Patch) -> None:
    """Sends a manifest to everybody (D09)."""
    patch(interface, "accepts_manifest", lambda accept: True)


@WOS.against("desired-state.version-grows")
def keeps_versions_in_short_floats(patch: Patch) -> None:
    """Writes versions that went through 32 bits (D04)."""
    manifest = artifact.manifest

    def rounded(version: int, *rest: Any) -> bytes:
        return manifest(min(int(struct.unpack("f", struct.pack("f", version))[0]), 2**64 - 1), *rest)

    patch(artifact, "manifest", rounded)


@WOS.against(
    "desired-state.version-only-on-change",
    consequences=("boundary.silence-moves-nothing", "desired-state.version-grows"),
)
def counts_every_request(patch: Patch) -> None:
    """Gives each answer to a client a version of its own."""
    counters = defaultdict[str, Iterator[int]](lambda: itertools.count(1))
    manifest = Fleet.manifest

    def counted(self: Fleet, client: str) -> bytes:
        return json.dumps(json.loads(manifest(self, client)) | {"manifestVersion": next(counters[client])}).encode()

    patch(Fleet, "manifest", counted)


@WOS.against("desired-state.first-version")
def begins_with_version_7(patch: Patch) -> None:
    """The first manifest of a client is not the first version."""
    following = fleet.next_version
    patch(fleet, "next_version", lambda published, floor: following(published, max(floor, 6)))


@WOS.against("desired-state.change-published")
def forgets_to_withdraw(patch: Patch) -> None:
    """A withdrawal is acknowledged and not published."""
    patch(Fleet, "withdraw", lambda self, connection, deployment_id: None)


@WOS.against("desired-state.empty-bundle-null")
def bundles_nothing(patch: Patch) -> None:
    """Names an empty archive when there are no deployments."""
    reference = artifact.bundle_reference
    patch(artifact, "bundle_reference", lambda archive: reference(archive or artifact.bundle({})))


def with_answer(patch: Patch, media_type: str, change: Callable[[Response], Any]) -> None:
    """Change every answer that carries a manifest, a document or a bundle; used beside this module, too."""
    conditional = interface.conditional

    def changed(request: Any, content: bytes, headers: dict[str, str], kind: str) -> Response:
        answer = conditional(request, content, headers, kind)
        if kind == media_type:
            change(answer)
        return answer

    patch(interface, "conditional", changed)


def _with_manifest(patch: Patch, change: Callable[[dict[str, Any]], Any]) -> None:
    manifest = artifact.manifest

    def changed(*arguments: Any) -> bytes:
        content = json.loads(manifest(*arguments))
        change(content)
        return json.dumps(content).encode()

    patch(artifact, "manifest", changed)


@WOS.against("desired-state.manifest-media-type")
def calls_a_manifest_json(patch: Patch) -> None:
    """Serves a manifest as JSON of no particular kind."""
    plain = {"content-type": "application/json"}
    with_answer(patch, artifact.MANIFEST_TYPE, lambda answer: answer.headers.update(plain))


@WOS.against("desired-state.manifest-valid")
def writes_sizes_as_texts(patch: Patch) -> None:
    """Quotes a number."""
    entry = artifact.entry
    patch(artifact, "entry", lambda *arguments: (e := entry(*arguments)) | {"sizeBytes": str(e["sizeBytes"])})


@WOS.against("desired-state.deployment-named-once", consequences=("desired-state.bundle-member-names",))
def names_everything_twice(patch: Patch) -> None:
    """Lists each deployment once for each of two replicas."""
    _with_manifest(patch, lambda content: content.update(deployments=2 * content["deployments"]))


@WOS.against("desired-state.one-manifest-for-children", consequences=("desired-state.change-published",))
def leaves_children_out(patch: Patch) -> None:
    """Names the deployments of the gateway itself only."""
    manifest = artifact.manifest

    def without(version: int, documents: Any, archive: bytes | None) -> bytes:
        mine = {name: d for name, d in documents.items() if "/" not in yaml.safe_load(d)["metadata"]["deviceId"]}
        return manifest(version, mine, artifact.bundle(mine) if mine else None)

    patch(artifact, "manifest", without)


@WOS.against("desired-state.bundle-present")
def has_no_bundles(patch: Patch) -> None:
    """Names documents one by one only."""
    patch(artifact, "bundle_reference", lambda archive: None)


@WOS.against("desired-state.version-above-reported")
def does_not_learn_from_reports(patch: Patch) -> None:
    """Counts from its own memory, also after that was set back."""
    patch(report, "_learn", lambda *arguments: None)


@WOS.against("desired-state.not-modified-tag")
def says_304_without_a_tag(patch: Patch) -> None:
    """Leaves the tag out when nothing has changed."""

    def strip(answer: Response) -> None:
        if answer.status_code == 304:
            del answer.headers["etag"]

    with_answer(patch, artifact.MANIFEST_TYPE, strip)


@WOS.against("desired-state.accept-range-served", consequences=("desired-state.accept-zero-refused",))
def wants_to_hear_its_own_words(patch: Patch) -> None:
    """Serves a manifest only to whoever names its type in full."""
    patch(interface, "accepts_manifest", lambda accept: not accept or artifact.MANIFEST_TYPE in ", ".join(accept))


@WOS.against("desired-state.accept-zero-refused")
def does_not_weigh(patch: Patch) -> None:
    """Looks for a range in `Accept` and not at its quality (D47)."""
    accepts = interface.accepts_manifest
    patch(interface, "accepts_manifest", lambda accept: accepts([re.sub(r"; *q=[0-9.]+", "", line) for line in accept]))


@WOS.against("desired-state.coding-accepted-only")
def compresses_for_everybody(patch: Patch) -> None:
    """Sends gzip to whoever asks."""
    patch(coding, "takes_gzip", lambda accept_encoding: True)


@WOS.against("desired-state.gzip-offered")
def compresses_nothing(patch: Patch) -> None:
    """Claims content codings and has none."""
    patch(coding, "takes_gzip", lambda accept_encoding: False)


def _with_coded(patch: Patch, change: Callable[[Response], Any]) -> None:
    for media_type in (artifact.MANIFEST_TYPE, artifact.DOCUMENT_TYPE, artifact.BUNDLE_TYPE):
        with_answer(patch, media_type, lambda a: change(a) if "content-encoding" in a.headers else None)


@WOS.against(
    "desired-state.coding-digest",
    consequences=(
        "desired-state.etag-is-digest",
        "desired-state.version-grows",
        "desired-state.version-only-on-change",
    ),
)
def compresses_something_else(patch: Patch) -> None:
    """Adds a line before it compresses."""
    coded = interface.coded
    takes = coding.takes_gzip
    patch(interface, "coded", lambda content, accepted: coded(content + b"\n" * takes(accepted), accepted))


@WOS.against(
    "desired-state.coding-tag-unchanged",
    consequences=(
        "desired-state.bundle-etag",
        "desired-state.coding-digest",
        "desired-state.document-etag",
        "desired-state.etag-is-digest",
        "desired-state.modified-served",
        "desired-state.not-modified-tag",
    ),
)
def tags_each_coding(patch: Patch) -> None:
    """Gives a compressed body a tag of its own, as some proxies do."""
    _with_coded(patch, lambda a: a.headers.update({"etag": a.headers["etag"][:-1] + '-gzip"'}))


@WOS.against("desired-state.vary-sent")
def does_not_warn_caches(patch: Patch) -> None:
    """Sends no `Vary` with a compressed body."""
    _with_coded(patch, lambda answer: answer.headers.__delitem__("vary"))


@WOS.against("desired-state.superseded-served")
def throws_away_what_is_old(patch: Patch) -> None:
    """Keeps nothing that a newer manifest does not name."""
    patch(publication, "_KEPT_SECONDS", -1)


_ZEROS = f"sha256:{64 * '0'}"


@WOS.against("desired-state.url-names-digest")
def gives_every_version_one_url(patch: Patch) -> None:
    """Writes a URL that says nothing about the document behind it."""
    entry = artifact.entry

    def always_the_same(deployment_id: str, content: bytes) -> dict[str, Any]:
        return entry(deployment_id, content) | {"url": f"/api/v1/deployments/{deployment_id}/{_ZEROS}"}

    patch(artifact, "entry", always_the_same)
