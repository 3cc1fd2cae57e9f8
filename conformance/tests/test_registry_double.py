"""The double of a registry: what OCI distribution says of reading, and flaws on command."""

import gzip
import hashlib
import io
import json
import platform
import ssl
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from told import begun
from wos_conformance.drive.image import ARCHITECTURES, program
from wos_conformance.drive.package import ARCHIVE_FLAWS
from wos_conformance.drive.registry_double import NAME, RegistryDouble
from wos_conformance.history import Connection, Exchange

MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryDouble]:
    """A registry that listens."""
    with begun(tmp_path / "history", role="agent") as recorder:
        double = RegistryDouble(recorder)
        yield double
        double.close()


@pytest.fixture
def visitor(registry: RegistryDouble) -> Iterator[httpx.Client]:
    """Somebody who knows the anchors."""
    context = ssl.create_default_context(cadata=registry.anchors_pem.decode())
    with httpx.Client(base_url=f"https://{registry.authority}", verify=context, trust_env=False) as client:
        yield client


def digest_of(content: bytes) -> str:
    """The digest of exact bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest(visitor: httpx.Client, place: str, reference: str = "1.2.3") -> dict[str, Any]:
    """The manifest of a package."""
    found: dict[str, Any] = visitor.get(f"/v2/{place}/manifests/{reference}").raise_for_status().json()
    return found


def layer(visitor: httpx.Client, place: str) -> bytes:
    """The layer of a package, whatever its digest is."""
    digest = manifest(visitor, place)["layers"][0]["digest"]
    return visitor.get(f"/v2/{place}/blobs/{digest}").raise_for_status().content


def members(content: bytes) -> dict[str, bytes]:
    """The files of a package."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.isreg()}
        return {name: file.read() for name, file in files.items() if file}


def test_chart_is_what_helm_pushes(visitor: httpx.Client) -> None:
    """One layer, and the description of the chart as configuration."""
    found = manifest(visitor, "helm/mixer")
    assert found["config"]["mediaType"] == "application/vnd.cncf.helm.config.v1+json"
    assert found["layers"][0]["mediaType"] == "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
    files = members(layer(visitor, "helm/mixer"))
    assert json.loads(files["mixer/Chart.yaml"]) == {"apiVersion": "v2", "name": "mixer", "version": "1.2.3"}


def test_archive_is_what_the_specification_says(visitor: httpx.Client) -> None:
    """One folder, in it the file of the project, whose image is here as well."""
    found = manifest(visitor, "compose/mixer")
    assert [part["mediaType"] for part in found["layers"]] == ["application/vnd.org.margo.component.compose.tar+gzip"]
    files = members(layer(visitor, "compose/mixer"))
    assert list(files) == ["mixer/compose.yaml"]
    image = json.loads(files["mixer/compose.yaml"])["services"]["main"]["image"].partition("/")[2]
    place, _, tag = image.partition(":")
    platforms = {entry["platform"]["architecture"]: entry for entry in manifest(visitor, place, tag)["manifests"]}
    assert set(platforms) == set(ARCHITECTURES)
    assert len(manifest(visitor, place, platforms["amd64"]["digest"])["layers"]) == 1


@pytest.mark.parametrize("place", ["helm/mixer", "compose/mixer", "images/waits"])
def test_everything_has_the_digest_by_which_it_is_asked_for(visitor: httpx.Client, place: str) -> None:
    """Manifests and blobs, by GET and by HEAD."""
    tag = "1" if place.startswith("images") else "1.2.3"
    found = visitor.get(f"/v2/{place}/manifests/{tag}")
    assert found.headers["docker-content-digest"] == digest_of(found.content)
    asked = [*found.json().get("layers", []), *found.json().get("manifests", [])]
    for entry in [*asked, *filter(None, [found.json().get("config")])]:
        kind = "manifests" if "manifest" in entry["mediaType"] else "blobs"
        content = visitor.get(f"/v2/{place}/{kind}/{entry['digest']}")
        assert (digest_of(content.content), len(content.content)) == (entry["digest"], entry["size"])
        head = visitor.head(f"/v2/{place}/{kind}/{entry['digest']}")
        assert (head.status_code, head.headers["content-length"]) == (200, str(entry["size"]))


def test_what_is_not_there_is_said_to_be_missing(registry: RegistryDouble, visitor: httpx.Client) -> None:
    """With the codes of OCI distribution; nothing can be pushed."""
    registry.spoil(f"oci://{registry.authority}/helm/gone", "missing")
    for path, code in (
        ("helm/gone/manifests/1.0.0", "MANIFEST_UNKNOWN"),
        ("helm/mixer/blobs/sha256:00", "BLOB_UNKNOWN"),
        ("other", "NAME_UNKNOWN"),
    ):
        found = visitor.get(f"/v2/{path}")
        assert (found.status_code, found.json()["errors"][0]["code"]) == (404, code)
    assert visitor.post("/v2/helm/mixer/blobs/uploads/").status_code == 405
    assert visitor.get("/v2/").status_code == 200


@pytest.mark.parametrize("kind", ["helm", "compose"])
def test_bytes_can_be_altered(registry: RegistryDouble, visitor: httpx.Client, kind: str) -> None:
    """They are a package still, under the digest of another one."""
    registry.spoil(f"oci://{registry.authority}/{kind}/mixer", "bytes-altered")
    content = layer(visitor, f"{kind}/mixer")
    assert digest_of(content) != manifest(visitor, f"{kind}/mixer")["layers"][0]["digest"]
    assert members(content)


@pytest.mark.parametrize("flaw", ARCHIVE_FLAWS)
def test_hostile_archive_has_the_right_digest(registry: RegistryDouble, visitor: httpx.Client, flaw: str) -> None:
    """Only what is in it is wrong."""
    good = layer(visitor, "compose/good")
    registry.spoil(f"oci://{registry.authority}/compose/mixer", flaw)
    content = layer(visitor, "compose/mixer")
    assert digest_of(content) == manifest(visitor, "compose/mixer")["layers"][0]["digest"]
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as tar:
        names = [member.name for member in tar]
    assert names != ["mixer/compose.yaml"]
    assert list(members(good)) == ["good/compose.yaml"]


def test_registry_on_loopback_speaks_without_tls_too(registry: RegistryDouble) -> None:
    """As Helm expects of one that is called localhost."""
    with httpx.Client(base_url=f"http://{registry.authority}", trust_env=False) as visitor:
        assert members(layer(visitor, "helm/mixer"))
    history = registry.recorder.history()
    assert [(c.outcome, c.tls_version) for c in history.of(Connection)] == [("established", None)]


def test_pulls_are_written_down_and_counted(registry: RegistryDouble, visitor: httpx.Client) -> None:
    """On connections that nobody takes for those of a WOS."""
    repository = f"oci://{registry.authority}/compose/mixer"
    for times in (1, 2):
        layer(visitor, "compose/mixer")
        assert registry.wait(lambda times=times: registry.tries(repository) == times, 5.0)  # type: ignore[misc]
    history = registry.recorder.history()
    assert [connection.credential.name for connection in history.of(Connection)] == [NAME]
    assert len(history.of(Exchange)) == 4


def test_program_of_an_image_does_what_it_should(tmp_path: Path) -> None:
    """One ends with a status, the other waits until it is ended; those for other machines cannot run here."""
    path = tmp_path / "program"
    path.touch(0o755)
    for architecture in filter(None, [MACHINES.get(platform.machine())]):
        path.write_bytes(program(architecture, 7))
        assert subprocess.run([path], timeout=10).returncode == 7
        path.write_bytes(program(architecture, None))
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run([path], timeout=0.3)
