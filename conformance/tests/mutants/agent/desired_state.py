"""Sins of an agent around desired-state."""

import io
import json
import re
import shutil
import socket
import tarfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from mutants.catalogue import AGENT, Patch
from wos_reference.agent import adoption, archive, desired_state, document, retrieval, transport
from wos_reference.agent import agent as agent_module
from wos_reference.agent.agent import Agent
from wos_reference.agent.desired_state import Manifest, ManifestError
from wos_reference.agent.ledger import Ledger
from wos_reference.agent.reconciler import Reconciler
from wos_reference.agent.retrieval import Retrieval
from wos_reference.agent.runtime import folder, workloads_of
from wos_reference.agent.runtime.folder import FolderRuntime


def _without(patch: Patch, header: str) -> None:
    headers = Agent.poll_headers
    patch(Agent, "poll_headers", lambda self: {n: v for n, v in headers(self).items() if n != header})


@AGENT.against("desired-state.accept-sent")
def does_not_say_what_it_reads(patch: Patch) -> None:
    """Asks for anything."""
    _without(patch, "accept")


@AGENT.against("desired-state.conditional-poll")
def asks_for_everything_again(patch: Patch) -> None:
    """Never sends a tag."""
    _without(patch, "if-none-match")


@AGENT.against(
    "desired-state.tag-only-when-adopted",
    consequences=("desired-state.converges", "status.installed-reported", "status.removed-reported"),
)
def remembers_the_tag_of_what_it_refused(patch: Patch) -> None:
    """Sends the tag that it has seen last (D32)."""
    take, seen = Agent._take, {}

    def remember(self: Agent, answer: Any) -> None:
        seen["if-none-match"] = desired_state.tag_of(answer.body)
        take(self, answer)

    headers = Agent.poll_headers
    patch(Agent, "_take", remember)
    patch(Agent, "poll_headers", lambda self: headers(self) | seen)


@AGENT.against(
    "desired-state.converges",
    consequences=(
        "desired-state.size-advisory",
        "extensions.unknown-ignored",
        "status.installed-reported",
        "status.removed-reported",
    ),
)
def forgets_to_remove(patch: Patch) -> None:
    """What is no longer in the manifest runs on."""
    patch(Ledger, "no_longer_want", lambda self, deployment_id: None)


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


@AGENT.against(
    "desired-state.lower-version-refused",
    consequences=(
        "boundary.no-return-to-older",
        "desired-state.equal-version-refused",
        "desired-state.tag-only-when-adopted",
        "status.legal-order",
    ),
)
def adopts_whatever_comes(patch: Patch) -> None:
    """Does not compare versions."""
    patch(desired_state, "is_newer", lambda version, adopted: True)


@AGENT.against(
    "desired-state.equal-version-refused",
    consequences=("desired-state.tag-only-when-adopted", "status.legal-order", "status.removed-reported"),
)
def adopts_equal_versions(patch: Patch) -> None:
    """Refuses lower versions only (D29)."""
    patch(desired_state, "is_newer", lambda version, adopted: version >= adopted)


@AGENT.against("desired-state.exact-version", consequences=("desired-state.converges", "status.installed-reported"))
def compares_versions_as_floats(patch: Patch) -> None:
    """Loses the last digits of large versions."""
    patch(desired_state, "is_newer", lambda version, adopted: float(version) > float(adopted))


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


@AGENT.against(
    "desired-state.converges",
    consequences=(
        "deployment.compose-environment-set",
        "deployment.helm-values-set",
        "deployment.parameters-applied",
        "status.installed-reported",
        "status.survives-power-cut",
        "status.tells-the-truth",
    ),
)
def leaves_what_is_there_already(patch: Patch) -> None:
    """An update ends with the first component of which a workload exists (D35)."""
    install = FolderRuntime.install

    def first_only(self: FolderRuntime, document: document.Document) -> None:
        if self.running(document.deployment_id):
            folder.write_workload(self._root / document.deployment_id, workloads_of(document)[0])
        else:
            install(self, document)

    patch(FolderRuntime, "install", first_only)


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


@AGENT.against(
    "desired-state.unknown-members-ignored",
    consequences=("desired-state.converges", "status.installed-reported", "status.removed-reported"),
)
def fears_the_unknown(patch: Patch) -> None:
    """Refuses a manifest with members of tomorrow."""
    read = desired_state.read_manifest

    def strict(body: bytes) -> Manifest:
        if json.loads(body).keys() - {"manifestVersion", "bundle", "deployments"}:
            raise ManifestError("unknown members")
        return read(body)

    patch(desired_state, "read_manifest", strict)


@AGENT.against(
    "desired-state.version-survives-power-cut",
    consequences=("boundary.no-return-to-older", "desired-state.lower-version-refused", "status.legal-order"),
)
def keeps_the_version_in_memory(patch: Patch) -> None:
    """Does not know after a start what it had adopted."""
    record, adopted = Ledger.record_manifest, {"version": 0}

    def remember(self: Ledger, manifest: Manifest) -> None:
        adopted["version"] = manifest.version
        record(self, manifest)

    patch(Ledger, "record_manifest", remember)
    patch(Ledger, "adopted_version", lambda self: adopted["version"])


@AGENT.against(
    "desired-state.workloads-survive-power-cut", consequences=("desired-state.converges", "status.tells-the-truth")
)
def believes_its_records(patch: Patch) -> None:
    """Does not look whether what it has installed still runs; the device forgets it at each start."""
    begin, is_due = Agent.__init__, Reconciler._is_due

    def empty(self: Agent, configuration: Any, ledger: Ledger, runtime: Any, *rest: Any) -> None:
        shutil.rmtree(runtime._root, ignore_errors=True)
        begin(self, configuration, ledger, runtime, *rest)

    patch(Agent, "__init__", empty)
    patch(Reconciler, "_is_due", lambda self, d, running: d.state != "installed" and is_due(self, d, running))


@AGENT.against("desired-state.failure-stays-alone", consequences=("status.installed-reported",))
def refuses_all_when_one_fails(patch: Patch) -> None:
    """Does not adopt a manifest when a component of one deployment cannot be retrieved."""
    adopt = adoption.adopt

    def strict(manifest: Manifest, ledger: Ledger, reporter: Any) -> None:
        for entry in manifest.entries:
            with suppress(document.DocumentError):
                found = document.read_document(ledger.document(entry.digest) or b"", entry.deployment_id)
                if any(".invalid/" in component.repository for component in found.components):
                    raise ManifestError("a component cannot be retrieved")
        adopt(manifest, ledger, reporter)

    patch(adoption, "adopt", strict)


@AGENT.against("desired-state.manifest-verified")
def trusts_manifests(patch: Patch) -> None:
    """Does not compare a manifest with its tag."""
    patch(desired_state, "verify_manifest", lambda body, tag, content_type: None)


@AGENT.against("desired-state.invalid-manifest-refused", consequences=("desired-state.tag-only-when-adopted",))
def reads_what_it_needs(patch: Patch) -> None:
    """Does not look at the media type of a bundle."""

    read = desired_state._bundle

    def of_any_type(value: Any) -> desired_state.Bundle | None:
        return read({**value, "mediaType": desired_state.BUNDLE_MEDIA_TYPE} if isinstance(value, dict) else value)

    patch(desired_state, "_bundle", of_any_type)


def _read_as(patch: Patch, change: Callable[[dict[str, Any]], Any]) -> None:
    """Read a manifest as if it were another one."""
    read = desired_state.read_manifest

    def changed(body: bytes) -> Manifest:
        try:
            change(content := json.loads(body))
        except (ValueError, LookupError, TypeError, AttributeError):
            return read(body)
        return replace(read(json.dumps(content).encode()), tag=desired_state.tag_of(body))

    patch(desired_state, "read_manifest", changed)


@AGENT.against("desired-state.deployment-twice-refused", consequences=("desired-state.tag-only-when-adopted",))
def takes_the_last_of_two(patch: Patch) -> None:
    """Lets the later entry of a deployment win."""

    def last(content: dict[str, Any]) -> None:
        content["deployments"] = list({entry["deploymentId"]: entry for entry in content["deployments"]}.values())

    _read_as(patch, last)


@AGENT.against("desired-state.foreign-url-not-called", consequences=("boundary.redirect-not-followed",))
def goes_wherever_it_is_sent(patch: Patch) -> None:
    """Dials the host in a URL of a manifest."""

    def dial(content: dict[str, Any]) -> None:
        for item in [*content["deployments"], content["bundle"] or {}]:
            where = urlsplit(item.get("url", ""))
            if where.hostname:
                with suppress(OSError):
                    socket.create_connection((where.hostname, where.port or 443), timeout=1).close()

    _read_as(patch, dial)


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


@AGENT.against("desired-state.same-manifest-unchanged", consequences=("status.tells-the-truth",))
def begins_anew_with_each_answer(patch: Patch) -> None:
    """Stops everything when it is served what it runs, and starts it again."""
    acceptable = Agent.is_acceptable

    def restart(self: Agent, manifest: Manifest) -> bool:
        if manifest.tag == self._ledger.adopted_tag():
            for entry in manifest.entries:
                self._reconciler._runtime.remove(entry.deployment_id)
        return acceptable(self, manifest)

    patch(Agent, "is_acceptable", restart)


@AGENT.against("desired-state.version-refusal-reported")
def refuses_in_silence(patch: Patch) -> None:
    """Says nothing about a manifest of a lower version."""
    patch(Agent, "_refuse_version", lambda self, manifest, adopted: None)


@AGENT.against(
    "desired-state.least-sizes-taken",
    consequences=("desired-state.converges", "status.installed-reported", "status.removed-reported"),
)
def takes_ten_deployments_at_most(patch: Patch) -> None:
    """Refuses a manifest that is not small."""
    patch(desired_state, "DEPLOYMENT_LIMIT", 10)


@AGENT.against("desired-state.coding-undone", consequences=("desired-state.converges", "status.installed-reported"))
def digests_what_was_on_the_wire(patch: Patch) -> None:
    """Does not undo the coding that it has asked for."""
    patch(transport, "undo_content_coding", lambda body, coding: body)
