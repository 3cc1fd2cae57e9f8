"""Sins of an agent around desired-state."""

import json
import shutil
from pathlib import Path
from typing import Any

from mutants.catalogue import AGENT, Patch
from wos_reference.agent import agent as agent_module
from wos_reference.agent import desired_state, document, retrieval
from wos_reference.agent.agent import Agent
from wos_reference.agent.desired_state import Manifest, ManifestError
from wos_reference.agent.ledger import Ledger
from wos_reference.agent.reconciler import Reconciler
from wos_reference.agent.retrieval import Retrieval
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


@AGENT.against("desired-state.tag-only-when-adopted")
def remembers_the_tag_of_what_it_refused(patch: Patch) -> None:
    """Sends the tag that it has seen last."""
    take, seen = Agent._take, {}

    def remember(self: Agent, answer: Any) -> None:
        seen["if-none-match"] = desired_state.tag_of(answer.body)
        take(self, answer)

    headers = Agent.poll_headers
    patch(Agent, "_take", remember)
    patch(Agent, "poll_headers", lambda self: headers(self) | seen)


@AGENT.against("desired-state.converges")
def forgets_to_remove(patch: Patch) -> None:
    """What is no longer in the manifest runs on."""
    patch(Ledger, "no_longer_want", lambda self, deployment_id: None)


@AGENT.against("desired-state.converges")
def ignores_parameters(patch: Patch) -> None:
    """Runs components with nothing set."""
    patch(document, "parameters_of", lambda component, parameters: {})


@AGENT.against("desired-state.document-verified")
def trusts_documents(patch: Patch) -> None:
    """Does not compute the digest of a document."""
    patch(
        retrieval,
        "verify_document",
        lambda body, entry: retrieval.read_document(body, entry.deployment_id),
    )


@AGENT.against("desired-state.bundle-verified")
def trusts_bundles(patch: Patch) -> None:
    """Does not compute the digest of a bundle, and believes what is in it."""
    verify, members = desired_state.verify_digest, retrieval.verified_members

    def believe(bundle: bytes, manifest: Manifest) -> dict[str, bytes]:
        desired_state.verify_digest = lambda body, digest: None
        try:
            return members(bundle, manifest)
        finally:
            desired_state.verify_digest = verify

    patch(retrieval, "verified_members", believe)


@AGENT.against("desired-state.algorithm-known")
def takes_unknown_algorithms_on_trust(patch: Patch) -> None:
    """Does not verify what it cannot verify."""
    verify = desired_state.verify_digest
    patch(desired_state, "known_digest", lambda value: value)
    patch(desired_state, "verify_digest", lambda body, d: verify(body, d) if d.startswith("sha256:") else None)


@AGENT.against("desired-state.lower-version-refused")
def adopts_whatever_comes(patch: Patch) -> None:
    """Does not compare versions."""
    patch(desired_state, "is_newer", lambda version, adopted: True)


@AGENT.against("desired-state.equal-version-refused")
def adopts_equal_versions(patch: Patch) -> None:
    """Refuses lower versions only."""
    patch(desired_state, "is_newer", lambda version, adopted: version >= adopted)


@AGENT.against("desired-state.exact-version")
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


@AGENT.against("desired-state.failure-keeps-running")
def adopts_what_it_could_get(patch: Patch) -> None:
    """Leaves out what it cannot retrieve or verify, and stops it."""
    _adopt_without_the_missing(patch, "")


@AGENT.against("desired-state.not-found-keeps-running")
def takes_404_for_a_removal(patch: Patch) -> None:
    """Stops what it cannot find."""
    _adopt_without_the_missing(patch, "status 404")


@AGENT.against("desired-state.size-advisory")
def believes_in_sizes(patch: Patch) -> None:
    """Refuses an artifact that is longer or shorter than announced."""
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


@AGENT.against("desired-state.unknown-members-ignored")
def fears_the_unknown(patch: Patch) -> None:
    """Refuses a manifest with members of tomorrow."""
    read = desired_state.read_manifest

    def strict(body: bytes) -> Manifest:
        if json.loads(body).keys() - {"manifestVersion", "bundle", "deployments"}:
            raise ManifestError("unknown members")
        return read(body)

    patch(desired_state, "read_manifest", strict)


@AGENT.against("desired-state.version-survives-power-cut")
def keeps_the_version_in_memory(patch: Patch) -> None:
    """Does not know after a start what it had adopted."""
    record, adopted = Ledger.record_manifest, {"version": 0}

    def remember(self: Ledger, manifest: Manifest) -> None:
        adopted["version"] = manifest.version
        record(self, manifest)

    patch(Ledger, "record_manifest", remember)
    patch(Ledger, "adopted_version", lambda self: adopted["version"])


@AGENT.against("desired-state.workloads-survive-power-cut")
def believes_its_records(patch: Patch) -> None:
    """Does not look whether what it has installed still runs; the device forgets it at each start."""
    begin, is_due = FolderRuntime.__init__, Reconciler._is_due

    def empty(self: FolderRuntime, root: Path) -> None:
        shutil.rmtree(root, ignore_errors=True)
        begin(self, root)

    patch(FolderRuntime, "__init__", empty)
    patch(Reconciler, "_is_due", lambda self, d, running: d.state != "installed" and is_due(self, d, running))
