"""Sins of an agent around what a manifest names: documents, bundles, and how they get here."""

import io
import json
import re
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from mutants.catalogue import AGENT, Patch
from wos_reference.agent import agent as agent_module
from wos_reference.agent import archive, desired_state, document, retrieval, transport
from wos_reference.agent.desired_state import Manifest, ManifestError
from wos_reference.agent.retrieval import Retrieval


@AGENT.against(
    "desired-state.document-verified",
    consequences=(
        "desired-state.failure-keeps-running",
        "desired-state.tag-only-when-adopted",
        "status.removed-reported",
    ),
)
def trusts_documents(patch: Patch) -> None:
    """Does not compute the digest of a document."""
    patch(
        retrieval,
        "verify_document",
        lambda body, entry: retrieval.read_document(body, entry.deployment_id),
    )


@AGENT.against(
    "desired-state.bundle-verified",
    consequences=(
        "desired-state.failure-keeps-running",
        "desired-state.tag-only-when-adopted",
        "status.not-before-retrieval",
    ),
)
def trusts_bundles(patch: Patch) -> None:
    """Does not compute the digest of a bundle, only those of the documents in it."""
    members = retrieval.verified_members

    def believe(body: bytes, bundle: desired_state.Bundle, entries: Sequence[Any]) -> dict[str, bytes]:
        return members(body, replace(bundle, digest=desired_state.digest_of(body)), entries)

    patch(retrieval, "verified_members", believe)


@AGENT.against(
    "desired-state.algorithm-known",
    consequences=("desired-state.tag-only-when-adopted", "status.adopted-version", "status.not-before-retrieval"),
)
def takes_unknown_algorithms_on_trust(patch: Patch) -> None:
    """Does not verify what it cannot verify (D38)."""
    verify = desired_state.verify_digest
    patch(desired_state, "known_digest", lambda value: value)
    for form in ("BUNDLE_URL", "DOCUMENT_URL"):
        patch(desired_state, form, re.compile("/.*"))
    patch(desired_state, "verify_digest", lambda body, d: verify(body, d) if d.startswith("sha256:") else None)


def _adopt_without_the_missing(patch: Patch, sign: str) -> None:
    retrieve = Retrieval.retrieve

    def what_there_is(self: Retrieval, manifest: Manifest) -> None:
        try:
            retrieve(self, manifest)
        except (ManifestError, agent_module.NoAnswerError) as error:
            if sign not in str(error):
                raise
            here = tuple(entry for entry in manifest.entries if self._ledger.document(entry.digest))
            object.__setattr__(manifest, "entries", here)

    patch(Retrieval, "retrieve", what_there_is)


@AGENT.against(
    "desired-state.failure-keeps-running",
    consequences=(
        "desired-state.converges",
        "desired-state.document-id-refused",
        "desired-state.not-found-keeps-running",
        "desired-state.tag-only-when-adopted",
        "desired-state.workloads-survive-power-cut",
        "status.installed-reported",
        "status.removed-reported",
    ),
)
def adopts_what_it_could_get(patch: Patch) -> None:
    """Leaves out what it cannot retrieve or verify, and stops it."""
    _adopt_without_the_missing(patch, "")


@AGENT.against(
    "desired-state.not-found-keeps-running",
    consequences=(
        "desired-state.failure-keeps-running",
        "desired-state.tag-only-when-adopted",
        "status.removed-reported",
    ),
)
def takes_404_for_a_removal(patch: Patch) -> None:
    """Stops what it cannot find."""
    _adopt_without_the_missing(patch, "status 404")


@AGENT.against("desired-state.size-advisory", consequences=("desired-state.converges", "status.installed-reported"))
def believes_in_sizes(patch: Patch) -> None:
    """Refuses an artifact that is longer or shorter than announced (D39)."""
    read, verify, sizes = desired_state.read_manifest, desired_state.verify_digest, {}

    def note(body: bytes) -> Manifest:
        content = json.loads(body)
        for item in [*content["deployments"], content["bundle"] or {}]:
            sizes[item.get("digest")] = item.get("sizeBytes")
        return read(body)

    def weigh(body: bytes, digest: str) -> None:
        if sizes.get(digest) not in (None, len(body)):
            raise ManifestError("not as long as announced")
        verify(body, digest)

    patch(desired_state, "read_manifest", note)
    patch(desired_state, "verify_digest", weigh)


@AGENT.against(
    "desired-state.failure-keeps-running",
    consequences=("desired-state.document-id-refused", "status.legal-order", "status.removed-reported"),
)
def clears_up_before_it_looks(patch: Patch) -> None:
    """Removes what a manifest does not name before it has verified what the manifest names (D30)."""
    retrieve = Retrieval.retrieve

    def hasty(self: Retrieval, manifest: Manifest) -> None:
        named = {entry.deployment_id for entry in manifest.entries}
        for deployment in self._ledger.deployments():
            if deployment.id not in named:
                self._ledger.no_longer_want(deployment.id)
        retrieve(self, manifest)

    patch(Retrieval, "retrieve", hasty)


@AGENT.against("desired-state.converges", consequences=("status.installed-reported", "status.removed-reported"))
def gives_up_what_came_damaged(patch: Patch) -> None:
    """Does not ask again for what a manifest names when it once was not what its digest says."""
    retrieve, given_up = Retrieval.retrieve, set()

    def once(self: Retrieval, manifest: Manifest) -> None:
        if manifest.tag in given_up:
            raise ManifestError("it was damaged before")
        try:
            retrieve(self, manifest)
        except desired_state.RefusalError:
            given_up.add(manifest.tag)
            raise

    patch(Retrieval, "retrieve", once)


@AGENT.against(
    "desired-state.converges",
    consequences=(
        "deployment.compose-environment-set",
        "deployment.helm-values-set",
        "deployment.parameters-applied",
        "status.installed-reported",
        "status.removed-reported",
    ),
)
def trusts_nobody_who_has_lied(patch: Patch) -> None:
    """Adopts nothing more after a manifest with a wrong digest, until it is started again."""
    retrieve, lies = Retrieval.retrieve, []

    def offended(self: Retrieval, manifest: Manifest) -> None:
        if lies:
            raise ManifestError("it was lied to before")
        try:
            retrieve(self, manifest)
        except desired_state.RefusalError as error:
            lies.append(error)
            raise

    patch(Retrieval, "retrieve", offended)


@AGENT.against("desired-state.document-id-refused", consequences=("desired-state.tag-only-when-adopted",))
def reads_the_document_of_another_deployment(patch: Patch) -> None:
    """Does not compare the id in a document with its entry."""
    patch(document, "_require_id", lambda content, deployment_id: None)


@AGENT.against(
    "desired-state.bundle-form-refused",
    consequences=("desired-state.swollen-bundle-survived", "desired-state.tag-only-when-adopted"),
)
def picks_from_a_bundle_what_it_needs(patch: Patch) -> None:
    """Ignores surplus members of a bundle, and where the others lie (D36)."""

    def pick(bundle: bytes, expected: set[str]) -> dict[str, bytes]:
        plain = archive.gunzip(bundle, archive.UNPACKED_LIMIT)
        try:
            with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as members:
                found = {PurePosixPath(m.name).name: archive.read_member(members, m) for m in members if m.isfile()}
        except tarfile.TarError as error:
            raise archive.ArchiveError(str(error)) from error
        if expected - found.keys():
            raise archive.ArchiveError("the bundle is not complete")
        return {name: found[name] for name in expected}

    patch(archive, "unpack_bundle", pick)


@AGENT.against("desired-state.swollen-bundle-survived", consequences=("desired-state.tag-only-when-adopted",))
def takes_a_swollen_bundle_for_an_empty_one(patch: Patch) -> None:
    """Adopts nothing from a bundle that is too large, and stops what runs (D37)."""
    retrieve = Retrieval.retrieve

    def retrieve_nothing(self: Retrieval, manifest: Manifest) -> None:
        try:
            retrieve(self, manifest)
        except ManifestError as error:
            if "unpacks to more" not in str(error):
                raise
            object.__setattr__(manifest, "entries", ())

    patch(Retrieval, "retrieve", retrieve_nothing)


@AGENT.against("desired-state.coding-undone", consequences=("desired-state.converges", "status.installed-reported"))
def digests_what_was_on_the_wire(patch: Patch) -> None:
    """Does not undo the coding that it has asked for."""
    patch(transport, "undo_content_coding", lambda body, coding: body)
