"""The JSON Schemas of the specification, compiled once."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

_VERSION = "v1.0"
_LONG = 20_000
_FAULTS_AT_MOST = 20


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
    Of a long value only the first fault is told, because to find all of them takes as long as there are faults.
    """
    validator = _validator(name)
    try:
        if validator.is_valid(value):
            return []
        if len(json.dumps(value)) > _LONG:
            validator.validate(value)
        return [_fault(error) for error in validator.iter_errors(value)][:_FAULTS_AT_MOST]
    except jsonschema_rs.ValidationError as first:
        return [_fault(first)]
    except (ValueError, TypeError):
        return [{"field": "", "message": "the value holds a number or a text that JSON cannot hold"}]


def _fault(error: jsonschema_rs.ValidationError) -> dict[str, str]:
    surplus = error.schema_path[-1] == "additionalProperties"
    message = "has a member that is not allowed" if surplus else error.message[:200]
    return {"field": "/" + "/".join(map(str, error.instance_path)), "message": message}
