"""Worked exchanges measured by the operations: path, status, header fields, media types, ids in two places."""

import base64
import json
import re
from typing import Any, NamedTuple

import pytest
import schemathesis
import yaml
from test_block import Part, blocks, parts_of, value_of
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
    assert set(fences[::2]) <= {"http", "yaml", "base64", "mermaid"}
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
            assert faults_of(part, exchange.resolve(content[part.headers["content-type"]]["schema"])) == []


def faults_of(part: Part, schema: dict[str, Any]) -> list[str]:
    """What is wrong with a body of JSON or YAML, or with one that is binary and travels in base64."""
    if schema.get("contentEncoding") == "base64":
        return [] if base64.b64decode(part.body, validate=True) else ["is empty"]
    return [error.message for error in validator(schema["schema-name"]).iter_errors(value_of(part))]


@pytest.mark.parametrize("block", blocks("http"))
def test_ids_of_path_and_body_are_the_same(block: str) -> None:
    """Each id is well-formed, and a body that repeats it says nothing else."""
    exchange = exchange_of(block)
    named = segments_of(exchange.template, exchange.request.start.split()[1]) or {}
    body = json.loads(exchange.request.body or "{}") if named else {}
    tag = exchange.response.headers.get("etag")
    said = {
        "deploymentId": body.get("deploymentId") or id_of(exchange.response),
        "deviceId": body.get("properties", {}).get("id"),
        "digest": tag and tag.strip('"'),
    }
    for parameter, value in named.items():
        assert validator(
            {"deviceId": "device-id", "deploymentId": "deployment-id", "digest": "digest"}[parameter]
        ).is_valid(value)
        assert said[parameter] in {None, value}


def id_of(response: Part) -> str | None:
    """The id of a document that was served, if it was one."""
    return value_of(response)["id"] if response.headers.get("content-type") == "application/yaml" else None


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


@pytest.mark.parametrize("path", read_openapi("test-control")["paths"])
def test_verb_says_what_it_answers(path: str) -> None:
    """Also that it is not done yet, was asked for wrongly, or is not offered; its name is that of the operation."""
    verb = read_openapi("test-control")["paths"][path]["post"]
    assert set(verb["responses"]) == {"200", "202", "400", "401", "404", "409", "501"}
    assert path == f"/control/v1/{verb['operationId']}"


def test_links_can_be_followed() -> None:
    """So that requests can be chained: from the manifest to all that it names, from each answer to the next request."""
    links = [
        (operation["operationId"], resolve(document, link))
        for document in DOCUMENTS
        for operation in operations_of(document)
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    followed = {(source, link["operationId"]) for source, link in links}
    assert followed >= {
        *(("getManifest", target) for target in ("getManifest", "getDocument", "getBundle", "reportStatus")),
        *((name, name) for name in ("announceCapabilities", "getDocument", "getBundle", "reportStatus")),
    }
    assert {target for _, target in followed} <= {o["operationId"] for d in DOCUMENTS for o in operations_of(d)}
    assert schemathesis.openapi.from_path(OPENAPI["wos"]).as_state_machine()


def operations_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The operations of an OpenAPI document."""
    return [item[method] for item in document["paths"].values() for method in item if method != "parameters"]
