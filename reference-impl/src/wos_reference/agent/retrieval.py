"""How everything that a manifest names gets here and is verified, before anything changes (`desired-state.md`).

What is verified is kept at once, so that a retrieval which was cut short goes on where it ended.
Bundle and single documents take turns: what one way did not bring, the other may bring after the next poll.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from wos_reference.agent import archive, desired_state
from wos_reference.agent.desired_state import Bundle, Entry, Manifest, ManifestError, RefusalError
from wos_reference.agent.document import DocumentError, read_document
from wos_reference.agent.ledger import Ledger
from wos_reference.agent.operation import Operation, is_success, may_succeed_later


@dataclass
class Trouble:
    """What was refused of one manifest so far: deployment id -> code of `status.md`; the ways that were tried."""

    tag: str
    codes: dict[str, str] = field(default_factory=dict)
    ways: set[str] = field(default_factory=set)


class Retrieval:
    """Brings the documents of a manifest into the ledger."""

    def __init__(self, bundle: Operation, document: Operation, ledger: Ledger, request_timeout: float) -> None:
        self._bundle = bundle
        self._document = document
        self._ledger = ledger
        self._request_timeout = request_timeout
        self._trouble = Trouble("")

    def refused(self, manifest: Manifest) -> dict[str, str]:
        """What can be had in neither way: deployment id -> code; empty before both have been tried."""
        is_told = self._trouble.tag == manifest.tag and (len(self._trouble.ways) > 1 or not manifest.bundle)
        return self._trouble.codes if is_told else {}

    def retrieve(self, manifest: Manifest) -> None:
        """Have every document of `manifest` in the ledger, verified; all requests end within one request timeout.

        Raises ManifestError and NoAnswerError.
        """
        deadline = time.monotonic() + self._request_timeout
        if self._trouble.tag != manifest.tag:
            self._trouble = Trouble(manifest.tag)
        self._ledger.forget_documents_except({entry.digest for entry in manifest.entries})
        missing = self._missing(manifest)
        if manifest.bundle and next_way(manifest, missing, self._trouble.ways) == "bundle":
            self._retrieve_bundle(manifest, manifest.bundle, missing, deadline)
        else:
            self._retrieve_documents(missing, deadline)

    def _missing(self, manifest: Manifest) -> list[Entry]:
        """The entries whose documents are not here yet. Raises RefusalError when one is that of another deployment."""
        missing = []
        for entry in manifest.entries:
            body = self._ledger.document(entry.digest)
            try:
                if body is None:
                    missing.append(entry)
                else:
                    verify_document(body, entry)
            except RefusalError as error:
                self._trouble.ways.add("bundle")  # it is here, so no way brings another one
                self._note("documents", {entry.deployment_id: error.code})
                raise
        return missing

    def _retrieve_bundle(self, manifest: Manifest, bundle: Bundle, missing: list[Entry], deadline: float) -> None:
        try:
            body = fetch(self._bundle, bundle.path, desired_state.BUNDLE_MEDIA_TYPE, deadline)
            documents = verified_members(body, bundle, manifest.entries)
        except RefusalError as error:
            self._note("bundle", dict.fromkeys((entry.deployment_id for entry in missing), error.code))
            raise
        with self._ledger.transaction():
            self._ledger.keep_documents((entry.digest, documents[entry.member_name]) for entry in manifest.entries)

    def _retrieve_documents(self, missing: list[Entry], deadline: float) -> None:
        refusals = {}
        for entry in missing:
            try:
                body = fetch(self._document, entry.path, "application/yaml", deadline)
                verify_document(body, entry)
                self._ledger.keep_documents([(entry.digest, body)])
            except RefusalError as error:
                refusals[entry.deployment_id] = error
        if refusals:
            self._note("documents", {deployment_id: error.code for deployment_id, error in refusals.items()})
            raise next(iter(refusals.values()))

    def _note(self, way: str, codes: dict[str, str]) -> None:
        """Remember what was refused; what a document says of itself counts more than what its bundle says."""
        self._trouble.ways.add(way)
        if way == "documents":
            self._trouble.codes = codes
        else:
            self._trouble.codes = {name: self._trouble.codes.get(name, code) for name, code in codes.items()}


def prefers_bundle(manifest: Manifest, missing: list[Entry]) -> bool:
    """One request for the bundle is chosen when more than one document is missing."""
    return len(missing) > 1 and manifest.bundle is not None


def next_way(manifest: Manifest, missing: list[Entry], tried: set[str]) -> str:
    """The way to try now: the one that suits, then the other, and from then on the documents one by one."""
    ways = ["bundle", "documents"] if prefers_bundle(manifest, missing) else ["documents", "bundle"]
    possible = [way for way in ways if way == "documents" or (manifest.bundle and missing)]
    return next((way for way in possible if way not in tried), "documents")


def fetch(operation: Operation, path: str, accept: str, deadline: float) -> bytes:
    """The body that is served at `path`. Raises RefusalError, ManifestError and NoAnswerError."""
    if not operation.gate.is_open():
        raise ManifestError(f"{path} is not asked for again yet")
    if time.monotonic() >= deadline:
        raise ManifestError(f"no time is left for {path} before the next poll")
    answer = operation.call("GET", path, {"accept": accept}, deadline=deadline)
    if is_success(answer.status):
        return answer.body
    sentence = f"{path} was answered with status {answer.status}"
    if may_succeed_later(answer):
        raise ManifestError(sentence)
    raise RefusalError("retrieval-failed", sentence)


def verified_members(body: bytes, bundle: Bundle, entries: Sequence[Entry]) -> dict[str, bytes]:
    """The documents in the bytes of `bundle` by member name, each checked by its digest. Raises ManifestError."""
    desired_state.verify_digest(body, bundle.digest)
    try:
        members = archive.unpack_bundle(body, {entry.member_name for entry in entries})
    except archive.ArchiveError as error:
        raise RefusalError("verification-failed", str(error)) from error
    for entry in entries:
        verify_document(members[entry.member_name], entry)
    return members


def verify_document(body: bytes, entry: Entry) -> None:
    """Check the bytes of a document against its entry. Raises RefusalError, also for that of another deployment."""
    desired_state.verify_digest(body, entry.digest)
    try:
        read_document(body, entry.deployment_id)
    except DocumentError:
        return  # it is what the manifest names, so the manifest is adopted, and this deployment fails alone
