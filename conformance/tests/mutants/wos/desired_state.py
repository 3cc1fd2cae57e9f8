"""Sins of a WOS around desired-state."""

import itertools
import json
import struct
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from starlette.responses import Response

from mutants.catalogue import WOS, Patch
from wos_reference.wos import artifact, fleet, interface, problem
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.interface import Interface


@WOS.against("desired-state.etag-is-digest")
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


@WOS.against("desired-state.accept-absent")
def refuses_a_missing_accept(patch: Patch) -> None:
    """Wants to be told what it should send (D10)."""
    accepts = interface.accepts_manifest
    patch(interface, "accepts_manifest", lambda accept: bool(accept) and accepts(accept))


@WOS.against("desired-state.accept-unsupported")
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


@WOS.against("desired-state.version-only-on-change")
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


@WOS.against("desired-state.document-digest")
def writes_documents_anew(patch: Patch) -> None:
    """Serves other bytes than it has computed the digest of (D05)."""
    find = Interface.find

    async def anew(self: Interface, client: str, name: str, digest: str) -> bytes | None:
        content = await find(self, client, name, digest)
        return content + b"\n" if content and name != fleet.BUNDLE else content

    patch(Interface, "find", anew)


@WOS.against("desired-state.document-served")
def loses_documents(patch: Patch) -> None:
    """Names documents that cannot be had (D05)."""

    async def nothing(self: Interface, *arguments: Any) -> Response:
        return problem.problem("deployment-not-found")

    patch(Interface, "get_document", nothing)


@WOS.against("desired-state.document-unknown-404")
def compares_the_tag_before_the_path(patch: Patch) -> None:
    """Answers 304 for a document that never was (D07)."""
    get = Interface.get_document

    async def hasty(self: Interface, request: Any, client: str, parameters: dict[str, str]) -> Response:
        if request.headers.get("if-none-match") == f'"{parameters["digest"]}"':
            return Response(status_code=304)
        return await get(self, request, client, parameters)

    patch(Interface, "get_document", hasty)


@WOS.against("desired-state.document-cache")
def lets_everybody_cache_documents(patch: Patch) -> None:
    """Marks documents as public."""
    patch(interface, "IMMUTABLE", "public, max-age=31536000, immutable")


@WOS.against("desired-state.bundle-exact-set")
def adds_a_file_to_the_bundle(patch: Patch) -> None:
    """Puts a surplus member into the archive."""
    bundle = artifact.bundle
    patch(artifact, "bundle", lambda documents: bundle({**documents, "readme": b"hello"}))
