"""How everything that a manifest names gets here and is verified, before anything changes (`desired-state.md`).

What is verified is kept at once, so that a retrieval which was cut short goes on where it ended.
"""

import time

from wos_reference.agent import archive, desired_state
from wos_reference.agent.desired_state import Entry, Manifest, ManifestError
from wos_reference.agent.document import read_document
from wos_reference.agent.ledger import Ledger
from wos_reference.agent.operation import Operation, is_success


class Retrieval:
    """Brings the documents of a manifest into the ledger."""

    def __init__(self, bundle: Operation, document: Operation, ledger: Ledger, request_timeout: float) -> None:
        self._bundle = bundle
        self._document = document
        self._ledger = ledger
        self._request_timeout = request_timeout

    def retrieve(self, manifest: Manifest) -> None:
        """Have every document of `manifest` in the ledger, verified; all requests end within one request timeout.

        Raises ManifestError and NoAnswerError.
        """
        deadline = time.monotonic() + self._request_timeout
        self._ledger.forget_documents_except({entry.digest for entry in manifest.entries})
        missing = self.missing(manifest)
        if prefers_bundle(manifest, missing):
            self._retrieve_bundle(manifest, deadline)
        else:
            self._retrieve_documents(missing, deadline)

    def missing(self, manifest: Manifest) -> list[Entry]:
        """The entries whose documents are not here yet; those that are here are read again. Raises ManifestError."""
        missing = []
        for entry in manifest.entries:
            body = self._ledger.document(entry.digest)
            if body is None:
                missing.append(entry)
            else:
                verify_document(body, entry)
        return missing

    def _retrieve_bundle(self, manifest: Manifest, deadline: float) -> None:
        body = fetch(self._bundle, manifest.bundle_path, desired_state.BUNDLE_MEDIA_TYPE, deadline)
        documents = verified_members(body, manifest)
        with self._ledger.transaction():
            self._ledger.keep_documents((entry.digest, documents[entry.member_name]) for entry in manifest.entries)

    def _retrieve_documents(self, missing: list[Entry], deadline: float) -> None:
        for entry in missing:
            body = fetch(self._document, entry.path, "application/yaml", deadline)
            verify_document(body, entry)
            self._ledger.keep_documents([(entry.digest, body)])


def prefers_bundle(manifest: Manifest, missing: list[Entry]) -> bool:
    """One request for the bundle is chosen when more than one document is missing."""
    return len(missing) > 1 and manifest.bundle_digest is not None


def fetch(operation: Operation, path: str, accept: str, deadline: float) -> bytes:
    """The body that is served at `path`. Raises ManifestError for another status, and NoAnswerError."""
    if not operation.gate.is_open():
        raise ManifestError(f"{path} is not asked for again yet")
    if time.monotonic() >= deadline:
        raise ManifestError(f"no time is left for {path} before the next poll")
    answer = operation.call("GET", path, {"accept": accept}, deadline=deadline)
    if not is_success(answer.status):
        raise ManifestError(f"{path} was answered with status {answer.status}")
    return answer.body


def verified_members(bundle: bytes, manifest: Manifest) -> dict[str, bytes]:
    """The documents in `bundle` by member name, each checked by its digest. Raises ManifestError."""
    desired_state.verify_digest(bundle, manifest.bundle_digest or "")
    try:
        members = archive.unpack_bundle(bundle, {entry.member_name for entry in manifest.entries})
    except archive.ArchiveError as error:
        raise ManifestError(str(error)) from error
    for entry in manifest.entries:
        verify_document(members[entry.member_name], entry)
    return members


def verify_document(body: bytes, entry: Entry) -> None:
    """Check the bytes of a document against its entry, and that an agent can read it. Raises ManifestError."""
    desired_state.verify_digest(body, entry.digest)
    read_document(body, entry.deployment_id)
