"""The shapes: each compiles, says what it is, names its rules, and its examples fail for one reason only."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from version import FOLDER, INDEX, SCHEMAS, pointer, second_validator, validator

EXAMPLES = FOLDER / "examples"
# Python's `$` also matches before a newline at the end, the one of ECMA 262 does not.
READ_DIFFERENTLY = {"digest/invalid/trailing-newline.json"}


def files(kind: str) -> list[Path]:
    """All examples of a kind."""
    return sorted(EXAMPLES.glob(f"*/{kind}/*"))


def name_of(path: Path) -> str:
    """An example by schema, kind and file."""
    return str(path.relative_to(EXAMPLES))


def read(path: Path) -> Any:
    """The value of an example. Times stay texts, as they do in JSON."""
    if path.suffix == ".json":
        return json.loads(path.read_bytes())
    return yaml.load(path.read_bytes(), yaml.SafeLoader)


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_says_what_it_is(name: str) -> None:
    """Title, description, an id that ends like its file, and rules that exist."""
    schema = SCHEMAS[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].endswith(f"/v1.0/schemas/{name}.schema.json")
    assert schema["title"]
    assert schema["description"].endswith(".")
    assert set(schema["x-requirements"]) <= set(INDEX)


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_has_examples_of_both_kinds(name: str) -> None:
    """At least two that are valid and five that are not; a schema of an object has six and ten."""
    least = {"valid": 6, "invalid": 10} if SCHEMAS[name]["type"] == "object" else {"valid": 2, "invalid": 5}
    assert [kind for kind in least if len(list((EXAMPLES / name / kind).iterdir())) < least[kind]] == []


def test_every_example_belongs_to_a_schema() -> None:
    """No folder is left over."""
    assert {path.name for path in EXAMPLES.iterdir()} == set(SCHEMAS)


@pytest.mark.parametrize("path", files("valid"), ids=name_of)
def test_valid_example_is_valid(path: Path) -> None:
    """For two validators."""
    schema, value = path.parts[-3], read(path)
    assert [error.message for error in validator(schema).iter_errors(value)] == []
    assert [error.message for error in second_validator(schema).iter_errors(value)] == []


@pytest.mark.parametrize("path", files("invalid"), ids=name_of)
def test_invalid_example_has_exactly_the_fault_it_is_named_after(path: Path) -> None:
    """For two validators; `faults.yaml` says where and which keyword."""
    schema, value = path.parts[-3], read(path)
    fault = yaml.safe_load((EXAMPLES / schema / "faults.yaml").read_bytes())[path.name]
    first = [(pointer(e.instance_path), str(e.schema_path[-1])) for e in validator(schema).iter_errors(value)]
    assert first == [(fault["at"], fault["keyword"])]
    if name_of(path) not in READ_DIFFERENTLY:
        second = [(pointer(e.absolute_path), e.validator) for e in second_validator(schema).iter_errors(value)]
        assert second == first


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_fault_has_its_example(schema: str) -> None:
    """And every invalid example its fault."""
    faults = yaml.safe_load((EXAMPLES / schema / "faults.yaml").read_bytes())
    assert set(faults) == {path.name for path in (EXAMPLES / schema / "invalid").iterdir()}


def test_version_written_with_a_fraction_of_zero_is_a_whole_number() -> None:
    """JSON Schema counts 1.0 as an integer; readers that look at the digits may differ."""
    assert validator("manifest-version").is_valid(1.0)
