"""What Schemathesis makes and says: requests along links, and remarks that count for nothing."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from schemathesis import Case
from schemathesis.generation.stateful.state_machine import StepOutput

from told import begun
from wos_conformance.drive.client import MANIFEST_TYPE, Answer
from wos_conformance.drive.generated import described, plain
from wos_conformance.drive.linked import Draft
from wos_conformance.drive.remark import remarks, response_of
from wos_conformance.history import Remark
from wos_conformance.report import report
from wos_conformance.specification import Specification

DOCUMENT = Specification.load().folder / "openapi" / "wos.yaml"
NAME, DIGEST, BUNDLE = "7c1d9a52-9d4e-4c1e-9a39-2f64f7d0a6b1", "sha256:" + "1" * 64, "sha256:" + "2" * 64
TAG = f'"{DIGEST}"'
MANIFEST = {
    "manifestVersion": 2,
    "bundle": {
        "digest": BUNDLE,
        "mediaType": "application/vnd.margo.bundle.v1+tar+gzip",
        "url": f"/api/v1/bundles/{BUNDLE}",
    },
    "deployments": [{"deploymentId": NAME, "digest": DIGEST, "url": f"/api/v1/deployments/{NAME}/{DIGEST}"}],
}
OPERATIONS = {operation.definition.raw["operationId"]: operation for operation in described(DOCUMENT)}


def case(name: str, **facts: Any) -> Case:
    """A request for an operation."""
    made: Case = OPERATIONS[name].Case(**facts)
    return made


def answered(asked: Case, status: int, body: Any = None, **headers: str) -> StepOutput:
    """A request with its answer."""
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = Answer(1, status, fields, b"" if body is None else json.dumps(body).encode())
    return StepOutput(response_of(plain(asked), answer), asked)


def manifest() -> StepOutput:
    """A manifest with one deployment."""
    headers = {"content-type": MANIFEST_TYPE, "etag": TAG, "cache-control": "private"}
    return answered(case("getManifest"), 200, MANIFEST, **headers)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("getDocument", f"/api/v1/deployments/{NAME}/{DIGEST}"),
        ("getBundle", f"/api/v1/bundles/{BUNDLE}"),
        ("reportStatus", f"/api/v1/deployments/{NAME}/status"),
    ],
)
def test_manifest_leads_to_what_it_names(name: str, target: str) -> None:
    """Its links put their texts into the path."""
    draft = Draft(
        case(name, path_parameters={"deploymentId": "other", "digest": "other"}, media_type="application/json")
    )
    assert plain(draft.fed(DOCUMENT, [manifest()], 0)).target == target


def test_tag_leads_to_a_conditional_poll() -> None:
    """The link puts it into a header."""
    assert ("If-None-Match", TAG) in plain(Draft(case("getManifest")).fed(DOCUMENT, [manifest()], 0)).headers


def test_answer_without_a_link_changes_nothing() -> None:
    """Links belong to one status."""
    refused = answered(case("getManifest"), 403)
    draft = Draft(case("getBundle", path_parameters={"digest": DIGEST}))
    assert plain(draft.fed(DOCUMENT, [refused], 3)).target == f"/api/v1/bundles/{DIGEST}"


def test_announcement_is_repeated_with_its_body() -> None:
    """The link puts both path and body in."""
    first = case(
        "announceCapabilities", path_parameters={"deviceId": "one"}, body={"a": 1}, media_type="application/json"
    )
    second = case(
        "announceCapabilities", path_parameters={"deviceId": "two"}, body={"b": 1}, media_type="application/json"
    )
    request = plain(Draft(second).fed(DOCUMENT, [answered(first, 201)], 0))
    assert (request.target, json.loads(request.body)) == ("/api/v1/capabilities/one", {"a": 1})


def test_schemathesis_finds_fault_with_a_status_that_is_not_described() -> None:
    """And nothing in a manifest as it should be."""
    strange = answered(case("getManifest"), 418)
    found = [fault for fault, _ in remarks(plain(strange.case), strange.response)]
    good = manifest()
    assert "Undocumented HTTP status code" in found or "Undocumented status code" in found
    assert list(remarks(plain(good.case), good.response)) == []


def test_remarks_are_folded_and_count_for_nothing(tmp_path: Path) -> None:
    """Equal ones are one row that says how often, and no rule has an occasion."""
    recorder = begun(tmp_path)
    for fault in ("a", "b", "a"):
        recorder.record(Remark, by="Schemathesis", operation="GET /", fault=fault, told="because", subject=1)
    recorder.close(complete=True, scenarios=0, errors=[])
    value = report.compute(tmp_path).value
    jsonschema.validate(value["remarks"], report.schema()["properties"]["remarks"])
    assert [(row["fault"], row["times"]) for row in value["remarks"]] == [("a", 2), ("b", 1)]
    assert not any(row["occasions"] for row in value["requirements"])


@pytest.mark.parametrize("kind", ["application/json; charset=nonsense", MANIFEST_TYPE, "\x00", ""])
@pytest.mark.parametrize("body", [b"\xff\xfe", b"[" * 100_000, b'{"manifestVersion": 1e999}', b""])
def test_hostile_answer_does_not_end_the_run(kind: str, body: bytes) -> None:
    """Whatever Schemathesis makes of it is a remark."""
    request = plain(case("getManifest"))
    answer = Answer(1, 200, [(b"content-type", kind.encode()), (b"etag", b"\xff")], body)
    assert all(fault for fault, _ in remarks(request, response_of(request, answer)))
