"""Worked exchanges measured by the operations: path, status, header fields, media types, ids in two places."""

import base64
import json
import re
from typing import Any, NamedTuple

import pytest
import schemathesis
import yaml
from test_block import Part, blocks, parts_of
from version import CHAPTERS, FOLDER, INTERFACES, OPENAPI, read_openapi, validator

DOCUMENTS = [read_openapi(name) for name in INTERFACES]
TYPES: dict[str, Any] = yaml.safe_load((FOLDER / "problem-types.yaml").read_bytes())


class Exchange(NamedTuple):
    """A request, what was answered, and the operation that it belongs to."""

    request: Part
    response: Part
    template: str
    operation: dict[str, Any]
    document: dict[str, Any]

    @property
    def answer(self) -> dict[str, Any]:
        """What the operation says about this status."""
        return self.resolve(self.operation["responses"][self.response.start.split()[1]])

    def resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        """The node itself, or what it refers to in its document or in a schema."""
        return resolve(self.document, node)


def resolve(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """The node itself, or what it refers to in the document or in a schema."""
    target: Any = document
    if "$ref" not in node:
        return node
    if not node["$ref"].startswith("#/"):
        return {"schema-name": node["$ref"].rpartition("/")[2].removesuffix(".schema.json")}
    for segment in node["$ref"][2:].split("/"):
        target = target[segment]
    return dict(target)


def segments_of(template: str, path: str) -> dict[str, str] | None:
    """The parameters of a path, or nothing when it has another form; a device id may hold slashes."""
    form = re.sub(
        r"\\{(\w+)\\}", lambda m: f"(?P<{m[1]}>{'.+' if m[1] == 'deviceId' else '[^/]+'})", re.escape(template)
    )
    found = re.fullmatch(form, path)
    return found.groupdict() if found else None


def exchange_of(block: str) -> Exchange:
    """A block is one request and its answer; exactly one operation fits it."""
    request, response = parts_of(block)
    method, path, version = request.start.split()
    assert (version, response.start.split()[0]) == ("HTTP/1.1", "HTTP/1.1")
    ((template, operation, document),) = [
        (template, item[method.lower()], document)
        for document in DOCUMENTS
        for template, item in document["paths"].items()
        if method.lower() in item and segments_of(template, path) is not None
    ]
    return Exchange(request, response, template, operation, document)


@pytest.mark.parametrize("area", CHAPTERS)
def test_every_block_is_of_a_language_that_is_checked(area: str) -> None:
    """A block without a language would escape."""
    fences = re.findall(r"^```(.*)$", CHAPTERS[area], re.MULTILINE)
    assert set(fences[::2]) <= {"http", "yaml", "mermaid"}
    assert set(fences[1::2]) <= {""}


@pytest.mark.parametrize("block", blocks("http"))
def test_answer_is_one_that_the_operation_has(block: str) -> None:
    """Its status is declared, with every header field that it has to carry; a request names its host."""
    exchange = exchange_of(block)
    required = [
        name.lower()
        for name, header in exchange.answer.get("headers", {}).items()
        if exchange.resolve(header)["required"]
    ]
    assert [name for name in required if name not in exchange.response.headers] == []
    assert "host" in exchange.request.headers


@pytest.mark.parametrize("block", blocks("http"))
def test_bodies_have_the_media_types_of_the_operation(block: str) -> None:
    """And keep the schema that belongs to it; where no body is declared there is none."""
    exchange = exchange_of(block)
    asked = exchange.resolve(exchange.operation.get("requestBody", {}))
    sides = ((exchange.request, asked), (exchange.response, exchange.answer))
    for part, declared in sides:
        content = declared.get("content", {})
        assert bool(part.body) == bool(content) == ("content-type" in part.headers)
        if content:
            assert faults_of(part.body, exchange.resolve(content[part.headers["content-type"]]["schema"])) == []


def faults_of(body: str, schema: dict[str, Any]) -> list[str]:
    """What is wrong with a body of JSON, or with one that is binary and travels in base64."""
    if schema.get("contentEncoding") == "base64":
        return [] if base64.b64decode(body, validate=True) else ["is empty"]
    return [error.message for error in validator(schema["schema-name"]).iter_errors(json.loads(body))]


@pytest.mark.parametrize("block", blocks("http"))
def test_ids_of_path_and_body_are_the_same(block: str) -> None:
    """Each id is well-formed, and a body that repeats it says nothing else."""
    exchange = exchange_of(block)
    named = segments_of(exchange.template, exchange.request.start.split()[1]) or {}
    body = json.loads(exchange.request.body or "{}") if named else {}
    said = {"deploymentId": body.get("deploymentId"), "deviceId": body.get("properties", {}).get("id")}
    for parameter, value in named.items():
        assert validator(
            {"deviceId": "device-id", "deploymentId": "deployment-id", "digest": "digest"}[parameter]
        ).is_valid(value)
        assert said[parameter] in {None, value}


@pytest.mark.parametrize("block", [b for b in blocks("http") if "problem+json" in b.values[0]])
def test_problem_is_the_one_of_the_registry(block: str) -> None:
    """Type, status and title belong together."""
    problem = json.loads(exchange_of(block).response.body)
    base, _, name = problem["type"].partition("#")
    if problem["type"] == "about:blank":
        assert problem["status"] in TYPES["about-blank"]
    else:
        assert base == TYPES["base"]
        assert [TYPES["types"][name][key] for key in ("status", "title")] == [problem["status"], problem["title"]]


def test_schemathesis_reads_the_test_control_too() -> None:
    """Without a warning, since warnings are errors here."""
    found = [result.ok() for result in schemathesis.openapi.from_path(OPENAPI["test-control"]).get_all_operations()]
    assert {operation.path for operation in found} == set(read_openapi("test-control")["paths"])
