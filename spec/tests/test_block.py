"""Worked exchanges in the chapters: they keep the schemas, and tags and digests in them are computed."""

import base64
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import yaml
from version import CHAPTERS, validator

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REQUESTS = {"PUT /api/v1/capabilities/": "device-capabilities", "POST /api/v1/deployments/": "deployment-status"}
RESPONSES = {
    "application/json": "discovery-document",
    "application/vnd.margo.manifest.v1+json": "desired-state-manifest",
    "application/problem+json": "problem-detail",
    "application/yaml": "application-deployment",
}


class Part(NamedTuple):
    """A request or a response."""

    start: str
    headers: dict[str, str]
    body: str


def blocks(language: str) -> list[Any]:
    """All blocks of a language, with the chapter that they stand in."""
    return [
        pytest.param(text, id=f"{area}-{number}")
        for area, chapter in CHAPTERS.items()
        for number, (found, text) in enumerate(FENCE.findall(chapter))
        if found == language
    ]


def parts_of(block: str) -> Iterator[Part]:
    """Requests and responses; a body follows its head after a blank line."""
    for text in re.split(r"\n+(?=HTTP/1\.1 |[A-Z]+ /)", block.strip()):
        head, _, body = text.partition("\n\n")
        start, *lines = head.splitlines()
        yield Part(start, {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}, body.strip())


def value_of(part: Part) -> Any:
    """What a body of JSON or YAML says."""
    return yaml.safe_load(part.body) if part.headers["content-type"] == "application/yaml" else json.loads(part.body)


@pytest.mark.parametrize("block", blocks("http"))
def test_exchange_keeps_the_schemas(block: str) -> None:
    """Every body is valid and of the shape that belongs to the operation or the media type, but for certificates."""
    for part in parts_of(block):
        if not part.body or part.headers["content-type"].startswith("application/pkcs"):
            continue
        names = [name for start, name in REQUESTS.items() if part.start.startswith(start)]
        name = names[0] if names else RESPONSES[part.headers["content-type"]]
        assert [error.message for error in validator(name).iter_errors(value_of(part))] == []


@pytest.mark.parametrize("block", blocks("http"))
def test_tags_are_digests_of_bodies(block: str) -> None:
    """The bytes stand in the block, so everybody can compute them."""
    for part in parts_of(block):
        if "etag" in part.headers and part.body:
            assert part.headers["etag"] == f'"{digest_of(part.body.encode())}"'


@pytest.mark.parametrize("block", blocks("http"))
def test_statuses_are_repeated(block: str) -> None:
    """A problem document has the status of its response."""
    for part in parts_of(block):
        if part.headers.get("content-type") == "application/problem+json":
            assert json.loads(part.body)["status"] == int(part.start.split()[1])


@pytest.mark.parametrize("block", blocks("yaml"))
def test_document_keeps_the_schema(block: str) -> None:
    """A block of YAML is a document of a deployment."""
    assert [error.message for error in validator("application-deployment").iter_errors(yaml.safe_load(block))] == []


@pytest.mark.parametrize("block", blocks("base64"))
def test_bundle_is_the_one_of_the_manifest(block: str) -> None:
    """A block of base64 is the bundle of the manifest before it: one regular file for each entry."""
    manifest = last_manifest_before(block)
    content = base64.b64decode(block.replace("\n", ""), validate=True)
    assert (manifest["bundle"]["digest"], manifest["bundle"]["sizeBytes"]) == (digest_of(content), len(content))
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        members = archive.getmembers()
        found = {member.name: archive.extractfile(member).read() for member in members}  # type: ignore[union-attr]
    assert [member.type for member in members] == [tarfile.REGTYPE] * len(manifest["deployments"])
    assert {name: digest_of(document) for name, document in found.items()} == {
        f"{entry['deploymentId']}.yaml": entry["digest"] for entry in manifest["deployments"]
    }
    for document in found.values():
        assert validator("application-deployment").is_valid(yaml.safe_load(document))


def last_manifest_before(block: str) -> dict[str, Any]:
    """The manifest in the nearest exchange above a block."""
    chapter = next(text for text in CHAPTERS.values() if block in text)
    exchanges = [text for language, text in FENCE.findall(chapter.partition(block)[0]) if language == "http"]
    found: dict[str, Any] = value_of(list(parts_of(exchanges[-1]))[-1])
    return found


def digest_of(content: bytes) -> str:
    """The digest of exact bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_there_are_exchanges() -> None:
    """At least one in each chapter about the wire."""
    assert {str(found.id).rpartition("-")[0] for found in blocks("http")} >= {
        "identity",
        "onboarding",
        "connectivity",
        "capabilities",
        "desired-state",
        "status",
        "errors",
    }
