"""Manifests, documents and bundles (desired-state.md, deployment.md)."""

import gzip
import io
import tarfile
import threading
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from visited_wos import APPLICATION, MANIFEST, Client, Wos, digest_of

from wos_reference.wos import artifact, interface


def members(bundle: bytes) -> dict[str, bytes]:
    """The files of an archive."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(bundle))) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive.getmembers()}  # type: ignore[union-attr]


def test_first_manifest_is_empty(client: Client) -> None:
    """Version 1, no bundle, no deployments."""
    assert client.manifest() == {"manifestVersion": 1, "bundle": None, "deployments": []}


def test_tag_is_the_digest_of_the_bytes(client: Client) -> None:
    """And a conditional poll confirms it without a body."""
    client.assign()
    answer = client.http.get(MANIFEST)
    assert answer.headers["etag"] == f'"{digest_of(answer.content)}"'
    again = client.http.get(MANIFEST, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])


def test_everything_that_is_named_is_served(client: Client) -> None:
    """Documents alone, and the same bytes in the bundle."""
    names = {client.assign(), client.assign()}
    manifest = client.manifest()
    assert {entry["deploymentId"] for entry in manifest["deployments"]} == names
    bundle = client.http.get(manifest["bundle"]["url"])
    assert digest_of(bundle.content) == manifest["bundle"]["digest"]
    packed = members(bundle.content)
    assert set(packed) == {f"{name}.yaml" for name in names}
    for entry in manifest["deployments"]:
        document = client.http.get(entry["url"])
        assert digest_of(document.content) == entry["digest"]
        assert packed[f"{entry['deploymentId']}.yaml"] == document.content
        assert document.headers["cache-control"] == "private, max-age=31536000, immutable"


def test_version_grows_with_each_change_and_only_then(client: Client) -> None:
    """Assign, update, an update to the same, withdraw."""
    versions = [client.manifest()["manifestVersion"]]
    deployment = client.assign()
    versions.append(client.manifest()["manifestVersion"])
    client.wos.do("update", deploymentId=deployment, parameters={"rate": 11})
    versions.append(client.manifest()["manifestVersion"])
    client.wos.do("update", deploymentId=deployment, parameters={"rate": 11})
    assert client.manifest()["manifestVersion"] == versions[-1]
    client.wos.do("withdraw", deploymentId=deployment)
    versions.append(client.manifest()["manifestVersion"])
    assert versions == sorted(set(versions))


def test_versions_use_all_64_bits(client: Client) -> None:
    """Beyond what doubles and signed numbers hold."""
    for floor in (2**53, 2**63, 2**64 - 2):
        client.wos.do("set_version", spiffeId=client.spiffe_id, version=floor)
        client.assign()
        assert client.manifest()["manifestVersion"] == floor + 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [("no", "no"), ("1.10", "1.10"), (7, 7), (0.5, 0.5), (True, True), (["a", 1, False], ["a", 1, False])],
    ids=["word-like-a-boolean", "text-like-a-number", "whole", "fraction", "boolean", "list"],
)
def test_parameter_keeps_its_type_in_yaml(client: Client, value: Any, expected: Any) -> None:
    """What was assigned can be read again."""
    client.assign(parameters={"rate": value})
    (entry,) = client.manifest()["deployments"]
    document = yaml.safe_load(client.http.get(entry["url"]).content)
    assert document["spec"]["parameters"]["rate"]["value"] == expected
    assert type(document["spec"]["parameters"]["rate"]["value"]) is type(expected)


def test_parameter_without_value_is_left_out(client: Client) -> None:
    """Neither the description nor the assignment has one."""
    targets = [{"pointer": "RATE", "components": ["mixer"]}]
    client.assign(application={**APPLICATION, "parameters": {"rate": {"targets": targets}}})
    (entry,) = client.manifest()["deployments"]
    assert not yaml.safe_load(client.http.get(entry["url"]).content)["spec"].get("parameters")


def test_what_belongs_to_another_client_is_not_found(wos: Wos, client_of: Callable[..., Client]) -> None:
    """Documents, bundles, and the place for reports."""
    owner, other = client_of(wos, "owner"), client_of(wos, "other")
    deployment = owner.assign()
    manifest = owner.manifest()
    for url in (manifest["deployments"][0]["url"], manifest["bundle"]["url"]):
        assert other.http.get(url).status_code == 404
    assert other.report(deployment).status_code == 404
    assert other.manifest()["deployments"] == []


def test_everything_that_was_served_can_still_be_had_after_a_change(client: Client) -> None:
    """A retrieval that began before can be finished."""
    deployment = client.assign()
    before = client.manifest()
    client.wos.do("update", deploymentId=deployment, parameters={"rate": 12})
    assert client.manifest()["manifestVersion"] > before["manifestVersion"]
    for url in (before["deployments"][0]["url"], before["bundle"]["url"]):
        assert client.http.get(url).status_code == 200


def test_manifests_stay_whole_while_they_change(wos: Wos, client_of: Callable[..., Client]) -> None:
    """Whoever polls meanwhile gets manifests whose bundles hold exactly their documents."""
    client = client_of(wos)
    done = threading.Event()

    def change() -> None:
        for _ in range(15):
            wos.do("withdraw", deploymentId=client.assign())
        done.set()

    changer = threading.Thread(target=change)
    changer.start()
    versions = []
    while not done.is_set():
        manifest = client.manifest()
        versions.append(manifest["manifestVersion"])
        if manifest["bundle"]:
            packed = members(client.http.get(manifest["bundle"]["url"]).content)
            assert set(packed) == {f"{entry['deploymentId']}.yaml" for entry in manifest["deployments"]}
    changer.join()
    assert versions == sorted(versions)


@given(documents=st.dictionaries(st.uuids().map(str), st.binary(max_size=50), min_size=1, max_size=5))
def test_bundle_depends_on_documents_alone(documents: dict[str, bytes]) -> None:
    """Not on their order, nor on the time."""
    backwards = dict(reversed(list(documents.items())))
    assert artifact.bundle(documents) == artifact.bundle(backwards)
    assert members(artifact.bundle(documents) or b"") == {f"{n}.yaml": body for n, body in documents.items()}


TAG = '"sha256:00"'


@pytest.mark.parametrize(
    ("held", "same"),
    [
        ([], False),
        (["*"], True),
        ([TAG], True),
        ([f"W/{TAG}"], True),
        ([f'"other", {TAG}'], True),
        (['"other"', TAG], True),
        (['"other"'], False),
        (["sha256:00"], False),
        (['"sha256:0"'], False),
    ],
    ids=["none", "any", "same", "weak", "second", "second-line", "other", "without-quotes", "shorter"],
)
def test_tags_are_compared_as_http_says(held: list[str], same: bool) -> None:
    """RFC 9110, 13.1.2."""
    assert interface.matches(held, TAG) is same
