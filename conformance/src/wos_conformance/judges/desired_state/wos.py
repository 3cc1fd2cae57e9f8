"""How a WOS serves manifests (desired-state.md, "The manifest", "Entity tags and caching")."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from wos_conformance.history import ExchangeView, History
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.model import ClientModel, replay
from wos_conformance.judges.reading import directives, entity_tags, media_type, served, told
from wos_conformance.specification import Specification

MANIFEST_TYPE = "application/vnd.margo.manifest.v1+json"
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_RANGE = re.compile(rf"\s*({_TOKEN}/{_TOKEN})\s*((?:;\s*{_TOKEN}=(?:{_TOKEN}|\"[^\"]*\")\s*)*)")


def digest_of(content: bytes) -> str:
    """The digest of exact bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def readable(view: ExchangeView) -> dict[str, Any] | None:
    """A served manifest that is valid; None when it is not, which another rule looks at."""
    try:
        value = view.json()
    except ValueError:
        return None
    return value if Specification.load().is_valid("desired-state-manifest", value) else None


def manifests(history: History) -> Iterator[ExchangeView]:
    """Manifests that were served with a body."""
    return (view for view in served(history, "manifest") if view.status == 200 and view.complete)


@judge("desired-state.manifest-media-type")
def manifest_has_its_media_type(history: History) -> Occasions:
    """The content type of a manifest."""
    for view in manifests(history):
        found = view.header("content-type")
        if media_type(found) == MANIFEST_TYPE:
            yield kept(view)
        else:
            yield broken(view, expected=f"Content-Type: {MANIFEST_TYPE}", received=repr(found))


@judge("desired-state.manifest-valid")
def manifest_is_valid(history: History) -> Occasions:
    """A manifest keeps the schema, and its version is written as a whole number."""
    specification = Specification.load()
    for view in manifests(history):
        try:
            value = view.json()
        except ValueError as error:
            yield broken(view, expected="a JSON document", received=f"{error}: {view.body[:80]!r}")
            continue
        faults = specification.errors("desired-state-manifest", value)
        if not faults and not isinstance(value["manifestVersion"], int):
            faults = [f"/manifestVersion: {value['manifestVersion']!r} is not written as a whole number"]
        if faults:
            yield broken(view, expected="a document that is valid by the schema", received="; ".join(faults[:3]))
        else:
            yield kept(view)


@judge("desired-state.etag-is-digest")
def manifest_etag_is_digest(history: History) -> Occasions:
    """The tag of a manifest is the quoted digest of its bytes."""
    for view in manifests(history):
        if view.content is None:
            continue
        expected = f'"{digest_of(view.content)}"'
        if view.header("etag") == expected:
            yield kept(view)
        else:
            yield broken(view, expected=f"ETag: {expected}", received=repr(view.header("etag")))


@judge("desired-state.manifest-cache-private")
def manifest_is_private(history: History) -> Occasions:
    """`Cache-Control` of a manifest has `private`."""
    for view in manifests(history):
        found = view.header("cache-control")
        if "private" in directives(found):
            yield kept(view)
        else:
            yield broken(view, expected="Cache-Control with private", received=repr(found))


@judge("desired-state.manifest-not-immutable")
def manifest_is_not_immutable(history: History) -> Occasions:
    """A manifest changes, so caches are not told otherwise."""
    for view in manifests(history):
        found = directives(view.header("cache-control")) & {"immutable", "public"}
        if found:
            yield broken(view, expected="neither immutable nor public", received=f"Cache-Control with {min(found)}")
        else:
            yield kept(view)


@judge("desired-state.first-version")
def first_manifest_is_empty_and_has_version_1(history: History) -> Occasions:
    """What a client that was just admitted is served first."""
    admitted: set[str] = set()
    touched = {str(c.request.get("spiffeId")) for verb in ("assign", "set_version") for c in history.controls(verb)}
    pending = {}
    for control in history.controls("admit"):
        client = str(control.request.get("spiffeId"))
        if client not in admitted:
            pending[client] = control
        admitted.add(client)
    for view in manifests(history):
        admission = pending.pop(view.client, None)
        value = readable(view)
        if (
            admission is None
            or value is None
            or view.started < admission.ended
            or _touched_before(history, view, touched)
        ):
            continue
        version, count = value["manifestVersion"], len(value["deployments"])
        if version == 1 and count == 0:
            yield kept(view)
        else:
            received = f"version {version} with {count} deployments"
            yield broken(view, expected="version 1 without deployments", received=received)


def _touched_before(history: History, view: ExchangeView, touched: set[str]) -> bool:
    if view.client not in touched:
        return False
    return any(
        control.seq < view.seq and control.request.get("spiffeId") == view.client
        for verb in ("assign", "set_version")
        for control in history.controls(verb)
    )


@judge("desired-state.version-grows")
def version_grows_with_content(history: History) -> Occasions:
    """Other content than before comes under a greater version."""
    last: dict[str, tuple[int, bytes]] = {}
    for view in manifests(history):
        value = readable(view)
        if value is None or not isinstance(value["manifestVersion"], int):
            continue
        version = value["manifestVersion"]
        if (before := last.get(view.client)) and before[1] != view.body:
            if version > before[0]:
                yield kept(view)
            else:
                expected = f"a version greater than {before[0]}, because the content differs"
                yield broken(view, expected=expected, received=f"version {version}")
        last[view.client] = (version, view.body)


@judge("desired-state.version-only-on-change")
def unchanged_state_has_unchanged_bytes(history: History) -> Occasions:
    """As long as nothing changes, the manifest is the same to the byte."""
    last: dict[str, tuple[int, bytes]] = {}
    for view, model in replay(history, manifests(history)):
        changes = model.of(view.client).changes
        before = last.get(view.client)
        last[view.client] = (changes, view.body)
        if before is None or before[0] != changes:
            continue
        if before[1] == view.body:
            yield kept(view)
        elif history.header.level > 0:
            yield broken(view, expected=f"the same bytes as before: {_cut(before[1])}", received=_cut(view.body))


def _cut(content: bytes) -> str:
    return repr(content[:200]) + ("…" if len(content) > 200 else "")


@judge("desired-state.change-published")
def change_is_in_the_next_manifest(history: History) -> Occasions:
    """What was acknowledged is in the manifest that is served next."""
    seen: dict[str, tuple[int, dict[str, tuple[Any, str]]]] = {}
    for view, model in replay(history, manifests(history)):
        value, wanted = readable(view), model.of(view.client)
        if value is None:
            continue
        served_now = {entry["deploymentId"]: entry["digest"] for entry in value["deployments"]}
        changes, before = seen.get(view.client, (0, {}))
        if wanted.changes != changes:
            yield _published(view, wanted, served_now, before)
        contents = {
            name: (wanted.deployments[name].content, d) for name, d in served_now.items() if name in wanted.deployments
        }
        seen[view.client] = (wanted.changes, contents)


def _published(
    view: ExchangeView, wanted: ClientModel, now: dict[str, str], before: dict[str, tuple[Any, str]]
) -> Judgement:
    did = "changed the desired state, then asked for the manifest"
    if missing := sorted(set(wanted.deployments) - set(now)):
        return broken(view, did=did, expected=f"deployment {missing[0]}, which was assigned", received=f"{sorted(now)}")
    if surplus := sorted(set(now) & wanted.withdrawn):
        return broken(
            view, did=did, expected=f"no deployment {surplus[0]}, which was withdrawn", received=f"{sorted(now)}"
        )
    for name, deployment in wanted.deployments.items():
        content, digest = before.get(name, (None, None))
        if content is not None and _visible(content) != _visible(deployment.content) and digest == now[name]:
            return broken(view, did=did, expected=f"another digest for {name}, which was updated", received=f"{digest}")
    return kept(view)


def _visible(content: tuple[Any, ...]) -> Any:
    """What of an assignment must show in the document."""
    application, profile_id, values, _ = content
    profiles = [profile for profile in application["deploymentProfiles"] if profile["id"] == profile_id]
    return application["id"], profiles and profiles[0]["components"], values


@judge("desired-state.empty-bundle-null")
def empty_manifest_has_no_bundle(history: History) -> Occasions:
    """Without deployments the bundle is null."""
    for view in manifests(history):
        value = readable(view)
        if value is None or value["deployments"]:
            continue
        if value["bundle"] is None:
            yield kept(view)
        else:
            yield broken(view, expected="bundle: null", received=f"{value['bundle']}"[:200])


@judge("desired-state.bundle-present")
def manifest_with_deployments_has_a_bundle(history: History) -> Occasions:
    """With deployments there is a bundle."""
    for view in manifests(history):
        value = readable(view)
        if value is None or not value["deployments"]:
            continue
        yield kept(view) if value["bundle"] else broken(view, expected="a bundle", received="bundle: null")


@judge("desired-state.url-names-digest")
def url_is_made_of_id_and_digest(history: History) -> Occasions:
    """Each entry is found where its id and digest say."""
    for view in manifests(history):
        for entry in (readable(view) or {"deployments": []})["deployments"]:
            expected = f"/api/v1/deployments/{entry['deploymentId']}/{entry['digest']}"
            yield kept(view) if entry["url"] == expected else broken(view, expected=expected, received=entry["url"])


@dataclass
class _Known:
    """The tag of the manifest that a client was served last, and how many changes there were by then."""

    tag: str
    changes: int


@dataclass
class _Tags:
    """The tag that each client was given last, as far as nothing has changed since."""

    by_client: dict[str, _Known] = field(default_factory=dict)

    def current(self, client: str, changes: int) -> str | None:
        """The tag of the current manifest, if that is known."""
        known = self.by_client.get(client)
        return known.tag if known and known.changes == changes else None


def _conditional(history: History) -> Iterator[tuple[ExchangeView, set[str], str | None]]:
    """Conditional polls with the tags that they hold and the tag of the current manifest, if it is known."""
    known = _Tags()
    for view, model in replay(history, served(history, "manifest")):
        changes = model.of(view.client).changes
        value = view.request_header("if-none-match")
        if value is not None and view.status in (200, 304):
            yield view, entity_tags(value), known.current(view.client, changes)
        if view.status == 200 and (tag := view.header("etag")):
            known.by_client[view.client] = _Known(tag, changes)


@judge("desired-state.not-modified")
def current_tag_is_not_modified(history: History) -> Occasions:
    """A poll with the current tag is answered 304 without a body."""
    for view, tags, current in _conditional(history):
        holds = "*" in tags or (view.status == 200 and view.header("etag") in tags) or current in tags
        if not holds:
            continue
        if view.status == 304 and view.exchange.response is not None and view.exchange.response.body is None:
            yield kept(view)
        elif view.status == 304 or view.header("etag") in tags or "*" in tags:
            received = f"status {view.status} with {len(view.body)} bytes"
            yield broken(view, did=_polled(view), expected="status 304 and no body", received=received)


@judge("desired-state.modified-served")
def other_tag_is_served(history: History) -> Occasions:
    """A poll that does not hold the current tag is answered with the manifest."""
    for view, tags, current in _conditional(history):
        if "*" in tags or current in tags or (current is None and (tags or view.status == 200)):
            continue
        if view.status == 200:
            yield kept(view)
        else:
            expected = f"status 200, because the current tag {current} is not held" if current else "status 200"
            yield broken(view, did=_polled(view), expected=expected, received=f"status {view.status}")


def _polled(view: ExchangeView) -> str:
    return f"polled with If-None-Match: {view.request_header('if-none-match')}"


def _allows(accept: str) -> bool | None:
    """Whether `Accept` allows a manifest; None when it cannot be said for sure."""
    allowed = False
    for part in accept.split(","):
        found = _RANGE.fullmatch(part)
        if found is None or re.search(r";\s*q=0(\.0*)?\s*(;|$)", found[2]) or (found[2] and "q=" not in found[2]):
            return None
        kind = found[1].lower()
        allowed = allowed or kind in {"*/*", "application/*", MANIFEST_TYPE}
    return allowed


@judge("desired-state.accept-absent")
def manifest_is_served_without_accept(history: History) -> Occasions:
    """Without `Accept` the manifest is served."""
    for view in served(history, "manifest"):
        if view.request_header("accept") is not None:
            continue
        yield kept(view) if view.status in (200, 304) else broken(view, expected="status 200", received=told(view))


@judge("desired-state.accept-unsupported")
def other_media_types_are_not_served(history: History) -> Occasions:
    """When only other types are allowed, the answer is 406."""
    for view in served(history, "manifest"):
        accept = view.request_header("accept")
        if accept is None or _allows(accept) is not False or view.request_header("if-none-match"):
            continue
        if view.status == 406:
            yield kept(view)
        else:
            did = f"asked for the manifest with Accept: {accept}"
            yield broken(view, did=did, expected="status 406", received=told(view))
