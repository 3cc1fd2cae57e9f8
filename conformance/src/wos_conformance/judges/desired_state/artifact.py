"""How a WOS serves documents and bundles (desired-state.md, "Documents", "The bundle")."""

import io
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from wos_conformance.history import ExchangeView, History
from wos_conformance.judges.desired_state.wos import digest_of, manifests, readable
from wos_conformance.judges.document import document_of
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.model import replay
from wos_conformance.judges.reading import directives, has_problem, is_plain, media_type, relations, served, told

_OUTLIVED = 300.0
_UNPACKED_AT_MOST = 8 << 20
_IMMUTABLE = {"private", "max-age=31536000", "immutable"}
Judge = Callable[[History], Iterator[Judgement]]


@dataclass
class _Named:
    """What the manifests of one client have named so far, and what the current one names."""

    ever: set[tuple[str, str]] = field(default_factory=set)
    current: set[tuple[str, str]] = field(default_factory=set)
    changes: int = -1


def _asked(history: History, operation: str) -> Iterator[tuple[ExchangeView, _Named, bool]]:
    """Requests for artifacts, what manifests named before them, and whether the last of these is still current."""
    named: dict[tuple[str, int], _Named] = {}
    for view, model in replay(history, served(history)):
        client = model.of(view.client)
        known, changes = named.setdefault((view.client, client.relation), _Named()), client.changes
        if view.operation == "manifest" and view.status == 200 and (value := readable(view)) is not None:
            known.current = {(entry["deploymentId"], entry["digest"]) for entry in value["deployments"]}
            if value["bundle"]:
                known.current.add(("bundle", value["bundle"]["digest"]))
            known.ever |= known.current
            known.changes = changes
        elif view.operation == operation:
            yield view, known, known.changes == changes


def _name(view: ExchangeView) -> tuple[str, str]:
    return view.parameters.get("deploymentId", "bundle"), view.parameters["digest"]


def _bodies(history: History, operation: str) -> Iterator[ExchangeView]:
    return (view for view in served(history, operation) if view.status == 200 and view.complete)


def _served(operation: str) -> Judge:
    def current_artifact_is_served(history: History) -> Occasions:
        """What the current manifest names can be had."""
        for view, named, is_current in _asked(history, operation):
            if not is_current or _name(view) not in named.current:
                continue
            allowed = (200, 304) if view.request_header("if-none-match") else (200,)
            if view.status in allowed:
                yield kept(view)
            else:
                yield broken(view, expected="status 200, because the manifest names it", received=told(view))

    return current_artifact_is_served


def _digest(operation: str) -> Judge:
    def body_has_the_digest_in_its_path(history: History) -> Occasions:
        """The bytes are those that the path names."""
        for view in _bodies(history, operation):
            if view.content is None:
                continue
            found = digest_of(view.content)
            if found == view.parameters["digest"]:
                yield kept(view)
            else:
                yield broken(
                    view, expected=f"bytes with digest {view.parameters['digest']}", received=f"digest {found}"
                )

    return body_has_the_digest_in_its_path


def _media_type(operation: str, expected: str) -> Judge:
    def artifact_has_its_media_type(history: History) -> Occasions:
        """The content type."""
        for view in _bodies(history, operation):
            found = view.header("content-type")
            if media_type(found) == expected:
                yield kept(view)
            else:
                yield broken(view, expected=f"Content-Type: {expected}", received=repr(found))

    return artifact_has_its_media_type


def _etag(operation: str) -> Judge:
    def etag_is_the_digest_in_the_path(history: History) -> Occasions:
        """The tag."""
        for view in _bodies(history, operation):
            expected = f'"{view.parameters["digest"]}"'
            if view.header("etag") == expected:
                yield kept(view)
            else:
                yield broken(view, expected=f"ETag: {expected}", received=repr(view.header("etag")))

    return etag_is_the_digest_in_the_path


def _cache(operation: str) -> Judge:
    def artifact_may_be_kept_for_ever(history: History) -> Occasions:
        """The caching."""
        for view in _bodies(history, operation):
            found = view.header("cache-control")
            if missing := _IMMUTABLE - directives(found):
                expected = "Cache-Control: private, max-age=31536000, immutable"
                yield broken(view, expected=expected, received=f"{found!r}, without {min(missing)}")
            else:
                yield kept(view)

    return artifact_may_be_kept_for_ever


def _unknown(operation: str, fragment: str) -> Judge:
    def unknown_artifact_is_not_found(history: History) -> Occasions:
        """What was never published to the caller is not found."""
        for view, named, is_current in _asked(history, operation):
            if not is_plain(view) or view.parameters["digest"] == "status" or _name(view) in named.ever:
                continue
            if not is_current and named.changes >= 0:
                continue
            if has_problem(view, 404, fragment):
                yield kept(view)
            else:
                yield broken(view, expected=f"status 404 with the type '{fragment}'", received=told(view))

    return unknown_artifact_is_not_found


for _operation, _type, _fragment in (
    ("document", "application/yaml", "deployment-not-found"),
    ("bundle", "application/vnd.margo.bundle.v1+tar+gzip", "invalid-bundle"),
):
    judge(f"desired-state.{_operation}-served")(_served(_operation))
    judge(f"desired-state.{_operation}-digest")(_digest(_operation))
    judge(f"desired-state.{_operation}-media-type")(_media_type(_operation, _type))
    judge(f"desired-state.{_operation}-etag")(_etag(_operation))
    judge(f"desired-state.{_operation}-cache")(_cache(_operation))
    judge(f"desired-state.{_operation}-unknown-404")(_unknown(_operation, _fragment))


@judge("desired-state.document-id")
def document_names_its_deployment(history: History) -> Occasions:
    """The id in the document is the one in the path."""
    for view in _bodies(history, "document"):
        document = document_of(view.content)
        if document is None:
            continue
        if document.get("id") == view.parameters["deploymentId"]:
            yield kept(view)
        else:
            yield broken(view, expected=f"id: {view.parameters['deploymentId']}", received=repr(document.get("id")))


@dataclass
class _Span:
    """When a client was served a manifest that names an artifact for the last time, and whether others followed."""

    until: float
    superseded: bool = False


@judge("desired-state.superseded-served")
def superseded_artifact_is_served_for_a_while(history: History) -> Occasions:
    """What a manifest named outlives it, unless the client was retired."""
    spans: dict[tuple[str, int], dict[tuple[str, str], _Span]] = {}
    relation = relations(history)
    for view in served(history):
        named = spans.setdefault(relation(view), {})
        if view.operation == "manifest" and view.status == 200 and (value := readable(view)) is not None:
            _take(named, {*_names(value)}, view.ended)
        elif view.operation in ("document", "bundle"):
            span = named.get(_name(view))
            if span is not None and span.superseded and view.started <= span.until + _OUTLIVED:
                allowed = (200, 304) if view.request_header("if-none-match") else (200,)
                why = "status 200, because a manifest named it less than 300 s ago"
                good = view.status in allowed
                yield kept(view) if good else broken(view, expected=why, received=told(view))


def _names(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in manifest["deployments"]:
        yield entry["deploymentId"], entry["digest"]
    if manifest["bundle"]:
        yield "bundle", manifest["bundle"]["digest"]


def _take(named: dict[tuple[str, str], _Span], current: set[tuple[str, str]], moment: float) -> None:
    for name, span in named.items():
        span.superseded = name not in current
    named |= {name: _Span(moment) for name in current}


@judge("desired-state.bundle-member-names")
def bundle_members_are_files_at_the_root(history: History) -> Occasions:
    """One regular file for each entry of the manifest, called after the deployment."""
    listed: dict[tuple[str, str], list[str]] = {}
    for view in manifests(history):
        value = readable(view)
        if value is not None and value["bundle"]:
            names = sorted(f"{entry['deploymentId']}.yaml" for entry in value["deployments"])
            listed[view.client, value["bundle"]["digest"]] = names
    for view in _bodies(history, "bundle"):
        expected = listed.get((view.client, view.parameters["digest"]))
        if expected is None or view.content is None:
            continue
        try:
            found = sorted(_member_names(view.content))
        except (tarfile.TarError, zlib.error, ValueError, EOFError):
            continue
        if found == expected:
            yield kept(view)
        else:
            yield broken(view, expected=f"exactly the files {expected}", received=f"{found}")


def _member_names(content: bytes) -> Iterator[str]:
    with tarfile.open(fileobj=io.BytesIO(_unpacked(content)), mode="r:") as archive:
        for member in archive:
            regular = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
            yield member.name if regular else f"{member.name} of type {member.type!r}"


@judge("desired-state.bundle-exact-set")
def bundle_holds_exactly_its_documents(history: History) -> Occasions:
    """Member for member, the bundle is what its manifest names."""
    listed: dict[tuple[str, str], dict[str, str]] = {}
    for view in manifests(history):
        value = readable(view)
        if value is not None and value["bundle"]:
            expected = {f"{entry['deploymentId']}.yaml": entry["digest"] for entry in value["deployments"]}
            listed[view.client, value["bundle"]["digest"]] = expected
    for view in _bodies(history, "bundle"):
        expected = listed.get((view.client, view.parameters["digest"]), {})
        if expected and view.content is not None:
            yield _compared(view, expected, view.content)


def _compared(view: ExchangeView, expected: dict[str, str], content: bytes) -> Judgement:
    try:
        members = _members(content)
    except (tarfile.TarError, zlib.error, ValueError, EOFError) as error:
        return broken(view, expected="a tar archive in gzip", received=f"{type(error).__name__}: {error}"[:200])
    found = {name: digest_of(body) for name, body in members}
    if len(found) == len(members) and found == expected:
        return kept(view)
    names = sorted(name for name, _ in members)
    differing = sorted(name for name in set(found) | set(expected) if found.get(name) != expected.get(name))
    wanted = f"exactly {sorted(expected)}, each with the digest in the manifest"
    return broken(view, expected=wanted, received=f"members {names}; different: {differing}")


def _unpacked(content: bytes) -> bytes:
    inflater = zlib.decompressobj(31)
    plain = inflater.decompress(content, _UNPACKED_AT_MOST)
    if not inflater.eof:
        raise ValueError("the archive does not end, or is larger than 8 MiB")
    return plain


def _members(content: bytes) -> list[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(_unpacked(content)), mode="r:") as archive:
        return [(member.name, _content(archive, member)) for member in archive]


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if not member.isreg():
        raise ValueError(f"{member.name} is not a regular file")
    reader = archive.extractfile(member)
    return reader.read() if reader else b""
