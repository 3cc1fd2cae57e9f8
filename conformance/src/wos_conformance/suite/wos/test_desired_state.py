"""Situations around the manifest, its documents and its bundle (desired-state.md)."""

import pytest

from wos_conformance.drive import sample
from wos_conformance.suite.wos.stage import Stage

MEDIA_TYPE = "application/vnd.margo.manifest.v1+json"


@pytest.mark.vital
@pytest.mark.gives(
    "desired-state.manifest-media-type",
    "desired-state.manifest-valid",
    "desired-state.etag-is-digest",
    "desired-state.manifest-cache-private",
    "desired-state.manifest-not-immutable",
    "desired-state.not-modified",
    "desired-state.version-only-on-change",
    "connectivity.wos-http-version",
)
def test_manifest_is_polled_again(wos: Stage) -> None:
    """A client asks for its manifest twice, then with the tag that it was given."""
    client = wos.client()
    first = wos.need(client.poll(), 200)
    client.poll()
    client.poll(first.header("etag"))


@pytest.mark.gives("desired-state.first-version", "desired-state.empty-bundle-null")
@pytest.mark.needs("admit")
def test_client_is_new(wos: Stage) -> None:
    """A client that was admitted a moment ago asks for its manifest."""
    wos.client(announce=False).poll()


@pytest.mark.gives("desired-state.accept-absent", "desired-state.accept-unsupported")
@pytest.mark.parametrize(
    "accept",
    [
        pytest.param(None, id="absent"),
        pytest.param(MEDIA_TYPE, id="exact"),
        pytest.param("text/plain", id="other-type"),
        pytest.param("image/png, text/html;q=0.5", id="other-types"),
    ],
)
def test_manifest_is_asked_for_with_accept(wos: Stage, accept: str | None) -> None:
    """The manifest is asked for with an `Accept` that allows it or does not."""
    wos.client().poll(accept=accept)


@pytest.mark.gives("desired-state.not-modified", "desired-state.modified-served")
@pytest.mark.parametrize(
    "form",
    [
        pytest.param("{tag}", id="current"),
        pytest.param("W/{tag}", id="weak-form"),
        pytest.param('"other", {tag}', id="second-of-a-list"),
        pytest.param('{tag}, "other"', id="first-of-a-list"),
        pytest.param("*", id="any"),
        pytest.param('"other"', id="other"),
        pytest.param('"one", "two"', id="list-of-others"),
        pytest.param("{bare}", id="without-quotes"),
    ],
)
def test_manifest_is_polled_with_a_tag(wos: Stage, form: str) -> None:
    """`If-None-Match` in every form."""
    client = wos.client()
    tag = wos.need(client.poll(), 200).header("etag") or '""'
    client.poll(form.format(tag=tag, bare=tag.strip('"')))


@pytest.mark.gives(
    "desired-state.etag-is-digest",
    "desired-state.document-served",
    "desired-state.document-digest",
    "desired-state.document-media-type",
    "desired-state.document-etag",
    "desired-state.document-cache",
    "desired-state.document-id",
    "desired-state.url-names-digest",
    "desired-state.bundle-present",
    "desired-state.bundle-served",
    "desired-state.bundle-digest",
    "desired-state.bundle-media-type",
    "desired-state.bundle-etag",
    "desired-state.bundle-cache",
    "desired-state.bundle-exact-set",
    "desired-state.version-grows",
    "desired-state.change-published",
)
@pytest.mark.needs("assign")
def test_deployments_are_assigned(wos: Stage) -> None:
    """Two applications are assigned one after the other; everything that the manifests name is fetched."""
    client = wos.client()
    wos.need(client.poll(), 200)
    for components in (1, 3):
        wos.assign(client, sample.application(wos.random, components))
        client.fetch_all(wos.manifest(client))


@pytest.mark.gives("desired-state.version-grows", "desired-state.change-published", "desired-state.not-modified")
@pytest.mark.needs("assign", "withdraw")
def test_assignment_is_reverted(wos: Stage) -> None:
    """A deployment is assigned and withdrawn; the tag of the first manifest is used in between and after."""
    client = wos.client()
    first = wos.need(client.poll(), 200)
    deployment = wos.assign(client, sample.application(wos.random))
    second = wos.need(client.poll(first.header("etag")), 200)
    client.poll(second.header("etag"))
    wos.withdraw(deployment)
    client.poll(second.header("etag"))
    client.poll(first.header("etag"))
    client.fetch_all(wos.manifest(client))


@pytest.mark.gives("desired-state.document-unknown-404", "desired-state.bundle-unknown-404")
def test_unknown_artifacts_are_asked_for(wos: Stage) -> None:
    """A document and a bundle that never existed, also with a tag that would match the path."""
    client = wos.client()
    digest = sample.digest(wos.random)
    for tag in (None, f'"{digest}"'):
        client.document(sample.uuid(wos.random), digest, etag=tag)
        client.bundle(digest, etag=tag)


@pytest.mark.gives("desired-state.document-unknown-404")
@pytest.mark.needs("assign")
def test_known_deployment_is_asked_for_under_an_unknown_digest(wos: Stage) -> None:
    """The deployment exists, the digest does not; the tag equals the one in the path."""
    client = wos.client()
    deployment = wos.assign(client, sample.application(wos.random))
    digest = sample.digest(wos.random)
    client.document(deployment.id, digest, etag=f'"{digest}"')


@pytest.mark.gives("desired-state.version-grows", "desired-state.version-only-on-change")
@pytest.mark.needs("assign", "restart")
def test_wos_is_restarted_between_two_changes(wos: Stage) -> None:
    """The WOS ends without warning after a change; what it has acknowledged is asked for again."""
    client = wos.client()
    wos.assign(client, sample.application(wos.random))
    client.fetch_all(wos.manifest(client))
    wos.restart()
    client.fetch_all(wos.manifest(client))
    wos.assign(client, sample.application(wos.random))
    client.fetch_all(wos.manifest(client))


@pytest.mark.gives("desired-state.version-grows", "desired-state.manifest-valid")
@pytest.mark.needs("assign", "set_version")
@pytest.mark.parametrize("floor", [2**24, 2**53, 2**63 - 1, 2**63, 2**64 - 4])
def test_version_is_large(wos: Stage, floor: int) -> None:
    """The counter stands where narrower numbers lose digits; two changes follow."""
    client = wos.client()
    wos.set_version(client, floor)
    for _ in range(2):
        wos.assign(client, sample.application(wos.random))
        wos.manifest(client)
