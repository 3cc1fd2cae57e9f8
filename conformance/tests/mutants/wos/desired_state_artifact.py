"""Sins of a WOS around the documents and bundles of the desired state."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from starlette.responses import Response

from mutants.catalogue import WOS, Patch
from mutants.wos.desired_state import with_answer
from wos_reference.wos import artifact, problem
from wos_reference.wos.interface import Interface
from wos_reference.wos.problem import Refusal


def _append(answer: Response) -> None:
    if answer.status_code == 200 and "content-encoding" not in answer.headers:
        answer.body = bytes(answer.body) + b"\n"
        answer.headers["content-length"] = str(len(answer.body))


@WOS.against("desired-state.document-digest")
def writes_documents_anew(patch: Patch) -> None:
    """Serves other bytes than it has computed the digest of (D05)."""
    with_answer(patch, artifact.DOCUMENT_TYPE, _append)


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
            return Response(status_code=304, headers={"ETag": request.headers["if-none-match"]})
        return await get(self, request, client, parameters)

    patch(Interface, "get_document", hasty)


@WOS.against("desired-state.document-cache")
def lets_everybody_cache_documents(patch: Patch) -> None:
    """Marks documents as public."""
    with_answer(patch, artifact.DOCUMENT_TYPE, _publish)


@WOS.against("desired-state.bundle-cache")
def lets_everybody_cache_bundles(patch: Patch) -> None:
    """Marks bundles as public."""
    with_answer(patch, artifact.BUNDLE_TYPE, _publish)


def _publish(answer: Response) -> None:
    answer.headers["cache-control"] = "public, max-age=31536000, immutable"


@WOS.against("desired-state.document-media-type")
def calls_a_document_text(patch: Patch) -> None:
    """Serves YAML as plain text."""
    plain = {"content-type": "text/plain"}
    with_answer(patch, artifact.DOCUMENT_TYPE, lambda answer: answer.headers.update(plain))


@WOS.against("desired-state.bundle-media-type")
def calls_a_bundle_an_archive(patch: Patch) -> None:
    """Serves a bundle as what it looks like."""
    plain = {"content-type": "application/gzip"}
    with_answer(patch, artifact.BUNDLE_TYPE, lambda answer: answer.headers.update(plain))


def _weaken(answer: Response) -> None:
    answer.headers["etag"] = f"W/{answer.headers['etag']}"


@WOS.against("desired-state.document-etag")
def tags_documents_weakly(patch: Patch) -> None:
    """Says that a document may be a little different."""
    with_answer(patch, artifact.DOCUMENT_TYPE, _weaken)


@WOS.against("desired-state.bundle-etag")
def tags_bundles_weakly(patch: Patch) -> None:
    """Says that a bundle may be a little different."""
    with_answer(patch, artifact.BUNDLE_TYPE, _weaken)


@WOS.against("desired-state.document-id")
def gives_documents_another_id(patch: Patch) -> None:
    """Writes an id into a document that the manifest does not know."""
    document = artifact.document
    patch(artifact, "document", lambda deployment: document(replace(deployment, id=str(UUID(int=1, version=4)))))


@WOS.against("desired-state.bundle-served")
def loses_bundles(patch: Patch) -> None:
    """Names bundles that cannot be had."""

    async def nothing(self: Interface, *arguments: Any) -> Response:
        return problem.problem("invalid-bundle")

    patch(Interface, "get_bundle", nothing)


@WOS.against("desired-state.bundle-digest")
def packs_bundles_anew(patch: Patch) -> None:
    """Serves other bytes than it has computed the digest of."""
    with_answer(patch, artifact.BUNDLE_TYPE, _append)


@WOS.against("desired-state.bundle-member-names", consequences=("desired-state.bundle-exact-set",))
def packs_documents_into_a_folder(patch: Patch) -> None:
    """Does not put documents at the root of the archive."""
    bundle = artifact.bundle
    patch(artifact, "bundle", lambda documents: bundle({f"documents/{name}": d for name, d in documents.items()}))


@WOS.against("desired-state.bundle-unknown-404")
def takes_a_bundle_for_a_deployment(patch: Patch) -> None:
    """Says of an unknown bundle that the deployment was not found."""
    get = Interface.get_bundle

    async def confuse(self: Interface, *arguments: Any) -> Response:
        try:
            return await get(self, *arguments)
        except Refusal as refusal:
            raise Refusal(problem.problem("deployment-not-found")) from refusal

    patch(Interface, "get_bundle", confuse)


@WOS.against("desired-state.bundle-exact-set", consequences=("desired-state.bundle-member-names",))
def adds_a_file_to_the_bundle(patch: Patch) -> None:
    """Puts a surplus member into the archive."""
    bundle = artifact.bundle
    patch(artifact, "bundle", lambda documents: bundle({**documents, "readme": b"hello"}))
