"""How a WOS serves manifests (desired-state.md, "The manifest", "Entity tags and caching")."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from wos_conformance.history import ExchangeView, History
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.model import replay
from wos_conformance.judges.reading import directives, media_type, served
from wos_conformance.specification import Specification

MANIFEST_TYPE = "application/vnd.margo.manifest.v1+json"


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


@judge("desired-state.deployment-named-once")
def no_deployment_is_named_twice(history: History) -> Occasions:
    """Ids that differ only in the case of letters are the same."""
    for view in manifests(history):
        value = readable(view)
        if value is None or not value["deployments"]:
            continue
        names = Counter(entry["deploymentId"].lower() for entry in value["deployments"])
        (name, count), *_ = names.most_common(1)
        yield kept(view) if count == 1 else broken(view, expected=f"{name} once", received=f"{count} times")


@judge("desired-state.one-manifest-for-children")
def manifest_names_what_is_meant_for_children(history: History) -> Occasions:
    """A gateway and its children share a client, and so a manifest."""
    for view, model in replay(history, manifests(history)):
        wanted, value = model.of(view.client).deployments, readable(view)
        devices = {deployment.device_id for deployment in wanted.values()}
        if value is None or not any(other.startswith(f"{one}/") for one in devices for other in devices):
            continue
        missing = sorted(set(wanted) - {entry["deploymentId"] for entry in value["deployments"]})
        if missing:
            received = f"no deployment for {wanted[missing[0]].device_id}"
            yield broken(view, expected=f"deployments for all of {sorted(devices)}", received=received)
        else:
            yield kept(view)


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
