"""One version of the specification as its tests read it; the suite has a reader of its own."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import yaml
from referencing import Registry, Resource

FOLDER = Path(__file__).resolve().parents[1] / "v1.0"
LINE = re.compile(r"^> \*\*(?P<id>\S+)\*\* (?P<sentence>.+)$", re.MULTILINE)
KEYWORD = re.compile(r"\b(MUST NOT|MUST|SHOULD NOT|SHOULD|MAY|SHALL NOT|SHALL|REQUIRED|RECOMMENDED|OPTIONAL)\b")

INDEX: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "requirements.yaml").read_bytes())
AREAS = list(dict.fromkeys(name.partition(".")[0] for name in INDEX))
CHAPTERS = {area: (FOLDER / f"{area}.md").read_text("utf-8") for area in AREAS}
SENTENCES = {line["id"]: line["sentence"] for text in CHAPTERS.values() for line in LINE.finditer(text)}
SCHEMAS: dict[str, dict[str, Any]] = {
    path.name.removesuffix(".schema.json"): json.loads(path.read_bytes())
    for path in sorted((FOLDER / "schemas").glob("*.schema.json"))
}
OPENAPI = {path.stem: path for path in sorted((FOLDER / "openapi").glob("*.yaml"))}
INTERFACES = [name for name in OPENAPI if name != "test-control"]


def read_openapi(name: str) -> dict[str, Any]:
    """An OpenAPI document by the name of its file."""
    loaded: dict[str, Any] = yaml.safe_load(OPENAPI[name].read_bytes())
    return loaded


def operations(name: str) -> dict[str, dict[str, Any]]:
    """The operations of an OpenAPI document by their id."""
    paths = read_openapi(name)["paths"].values()
    found = (operation for path in paths for method, operation in path.items() if method != "parameters")
    return {operation["operationId"]: operation for operation in found}


def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """The validator that decides: its patterns are those of ECMA 262, as JSON Schema wants them."""
    registry = jsonschema_rs.Registry([(schema["$id"], schema) for schema in SCHEMAS.values()])
    return jsonschema_rs.Draft202012Validator(SCHEMAS[name], registry=registry)


def second_validator(name: str) -> jsonschema.Draft202012Validator:
    """Another reading of the same schema."""
    resources = ((schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values())
    registry: Registry[Any] = Registry().with_resources(resources)
    return jsonschema.Draft202012Validator(SCHEMAS[name], registry=registry)


def pointer(path: Any) -> str:
    """A JSON pointer of path segments."""
    return "".join(f"/{segment}" for segment in path)
