"""Situations around the manifest, its documents and its bundle (desired-state.md)."""

import pytest
from hypothesis import given

from wos_conformance.drive import sample, strategy
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


@pytest.mark.gives(
    "desired-state.accept-absent",
    "desired-state.accept-range-served",
    "desired-state.accept-unsupported",
    "desired-state.accept-zero-refused",
)
@pytest.mark.parametrize(
    "accept",
    [
        pytest.param(None, id="absent"),
        pytest.param(MEDIA_TYPE, id="exact"),
        pytest.param("text/plain", id="other-type"),
        pytest.param("image/png, text/html;q=0.5", id="other-types"),
        pytest.param("application/json", id="suffix-of-the-type"),
        pytest.param("*/*", id="anything"),
        pytest.param("application/*", id="any-application"),
        pytest.param("text/plain;q=0.9, application/*;q=0.1", id="range-of-less-quality"),
        pytest.param(f"{MEDIA_TYPE};q=0.001", id="least-quality"),
        pytest.param(f"*/*;q=0, {MEDIA_TYPE.upper()} ; Q=1.000", id="capitals"),
        pytest.param(f"{MEDIA_TYPE};q=0", id="quality-zero"),
        pytest.param(f"{MEDIA_TYPE};q=0, */*", id="quality-zero-beside-anything"),
        pytest.param("application/*;q=0.0, text/plain, */*;q=0.5", id="range-of-quality-zero"),
        pytest.param("*/*;q=0", id="nothing"),
    ],
)
def test_manifest_is_asked_for_with_accept(wos: Stage, accept: str | None) -> None:
    """The manifest is asked for with an `Accept` that allows it or does not."""
    wos.client().poll(accept=accept)


@pytest.mark.gives("desired-state.not-modified", "desired-state.modified-served", "desired-state.not-modified-tag")
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
        pytest.param('"one" , W/"two" ,{tag}', id="list-with-spaces"),
        pytest.param("{bare}", id="without-quotes"),
        pytest.param('"{bare}', id="half-quoted"),
    ],
)
def test_manifest_is_polled_with_a_tag(wos: Stage, form: str) -> None:
    """`If-None-Match` in every form."""
    client = wos.client()
    tag = wos.need(client.poll(), 200).header("etag") or '""'
    client.poll(form.format(tag=tag, bare=tag.strip('"')))


@pytest.mark.gives("desired-state.not-modified", "desired-state.not-modified-tag")
def test_tags_come_in_several_headers(wos: Stage) -> None:
    """The current tag stands in the second of two headers."""
    client = wos.client()
    tag = wos.need(client.poll(), 200).header("etag") or '""'
    client.poll_with(("If-None-Match", '"other"'), ("If-None-Match", f"W/{tag}"))


@pytest.mark.gives(
    "desired-state.accept-range-served",
    "desired-state.accept-zero-refused",
    "desired-state.accept-unsupported",
    "desired-state.coding-accepted-only",
    "desired-state.not-modified",
    "desired-state.modified-served",
)
def test_manifest_is_asked_for_in_every_way(wos: Stage) -> None:
    """Generated headers: what is accepted, in which coding, and which tags are held."""
    client = wos.client()
    tag = wos.need(client.poll(), 200).header("etag") or '""'

    @wos.property
    @given(strategy.accepts(), strategy.accept_encodings(), strategy.conditions([tag]))
    def ask(accept: str, coding: str, condition: str) -> None:
        client.poll(accept=accept)
        client.poll_with(("Accept-Encoding", coding))
        client.poll(condition)

    ask()


CODINGS = (None, "identity", "gzip;q=0", "br", "*;q=0", "gzip", "deflate, gzip;q=0.5", "*")


@pytest.mark.gives("desired-state.coding-accepted-only", "desired-state.etag-is-digest")
@pytest.mark.parametrize("coding", CODINGS, ids=lambda coding: coding or "absent")
def test_manifest_is_asked_for_in_a_coding(wos: Stage, coding: str | None) -> None:
    """`Accept-Encoding` in every form; afterwards without any."""
    client = wos.client()
    if coding is not None:
        client.poll_with(("Accept-Encoding", coding))
    client.poll()


@pytest.mark.gives(
    "desired-state.gzip-offered",
    "desired-state.coding-digest",
    "desired-state.coding-tag-unchanged",
    "desired-state.vary-sent",
)
def test_manifest_is_asked_for_in_gzip(wos: Stage) -> None:
    """A manifest is asked for without a coding, in gzip, and in gzip with its tag."""
    client = wos.client()
    tag = wos.need(client.poll(), 200).header("etag") or '""'
    client.poll_with(("Accept-Encoding", "gzip"))
    client.poll_with(("Accept-Encoding", "gzip"), ("If-None-Match", tag))


@pytest.mark.gives("desired-state.coding-accepted-only", "desired-state.coding-tag-unchanged")
@pytest.mark.needs("assign")
def test_artifacts_are_asked_for_in_a_coding(wos: Stage) -> None:
    """Documents and the bundle are asked for without a coding, with one that is refused, and in gzip."""
    client = wos.client()
    wos.assign(client, sample.application(wos.random))
    manifest = wos.manifest(client)
    client.poll_with(("Accept-Encoding", "gzip"))
    for coding in (None, "gzip;q=0", "gzip"):
        client.fetch_all(manifest, coding)


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
    "desired-state.bundle-member-names",
    "desired-state.deployment-named-once",
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


@pytest.mark.gives(
    "desired-state.document-served",
    "desired-state.bundle-served",
    "desired-state.bundle-exact-set",
    "desired-state.url-names-digest",
    "deployment.document-valid",
    "deployment.plain-yaml",
)
def test_whatever_is_published_is_retrieved(wos: Stage) -> None:
    """Clients ask for all that their manifests name; without test control somebody else may have assigned it."""
    for _ in range(1 if wos.run.control else 4):
        client = wos.client()
        client.fetch_all(wos.manifest(client))


@pytest.mark.gives(
    "desired-state.version-grows",
    "desired-state.change-published",
    "desired-state.not-modified",
    "desired-state.modified-served",
)
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


@pytest.mark.gives("desired-state.superseded-served", "desired-state.not-modified-tag")
@pytest.mark.needs("assign", "update", "withdraw")
def test_manifest_is_superseded(wos: Stage) -> None:
    """What earlier manifests named is asked for after a deployment was updated and after it was withdrawn."""
    client = wos.client()
    deployment = wos.assign(client, sample.application(wos.random))
    manifests = [wos.manifest(client)]
    wos.update(deployment, parameters={"rate": wos.random.getrandbits(20)})
    manifests.append(wos.manifest(client))
    wos.withdraw(deployment)
    manifests.append(wos.manifest(client))
    for manifest in manifests:
        client.fetch_all(manifest)
    for entry in manifests[0].deployments:
        client.document(entry.deployment_id, entry.digest, etag=f'"{entry.digest}"')


@pytest.mark.gives("desired-state.document-unknown-404", "desired-state.bundle-unknown-404")
@pytest.mark.parametrize(
    "digest",
    ["sha256:" + "A" * 64, "sha256:" + "0" * 63, "sha512:" + "0" * 128, "0" * 64, "latest"],
    ids=["capitals", "63-digits", "sha512", "bare", "word"],
)
def test_digest_is_none(wos: Stage, digest: str) -> None:
    """A document and a bundle are asked for by what is no digest."""
    client = wos.client()
    client.document(sample.uuid(wos.random), digest)
    client.bundle(digest)


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
