"""The JSON Schemas of the specification, compiled once."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

_VERSION = "v1.0"


@cache
def _folder() -> Path:
    for parent in Path(__file__).resolve().parents:
        if (parent / "spec" / _VERSION / "schemas").is_dir():
            return parent / "spec" / _VERSION / "schemas"
    raise FileNotFoundError(f"this installation has no specification {_VERSION}")


@cache
def _schemas() -> dict[str, Any]:
    return {path.name.partition(".")[0]: json.loads(path.read_bytes()) for path in _folder().glob("*.schema.json")}


@cache
def _validator(name: str) -> jsonschema_rs.Draft202012Validator:
    registry = jsonschema_rs.Registry([(schema["$id"], schema) for schema in _schemas().values()])
    return jsonschema_rs.Draft202012Validator(_schemas()[name], registry=registry, mask="the value")


def faults(name: str, value: Any) -> list[dict[str, str]]:
    """What is wrong with a JSON value, as `errors` of a problem document; empty when it is valid.

    The texts do not repeat what was sent.
    """
    try:
        found = list(_validator(name).iter_errors(value))
    except (ValueError, TypeError):
        return [{"field": "", "message": "the value holds a number or a text that JSON cannot hold"}]
    return [
        {"field": "/" + "/".join(map(str, error.instance_path)), "message": error.message[:200]} for error in found[:20]
    ]
