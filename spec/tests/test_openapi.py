"""The operations: the documents are valid OpenAPI 3.1, and every operation names the rules that it must keep."""

from typing import Any

import pytest
import schemathesis
import yaml
from jsonschema_path import SchemaPath
from openapi_spec_validator import OpenAPIV31SpecValidator
from version import FOLDER, INDEX, OPENAPI, operations, read_openapi


@pytest.mark.parametrize("name", OPENAPI)
def test_document_is_valid(name: str) -> None:
    """References into the schemas included."""
    path = SchemaPath.from_file_path(str(OPENAPI[name]))
    assert [str(error) for error in OpenAPIV31SpecValidator(path).iter_errors()] == []


def test_documents_are_the_two_that_we_know() -> None:
    """The interface, and how a product under test is set up."""
    assert list(OPENAPI) == ["test-control", "wos"]


def test_every_operation_of_the_interface_names_its_rules() -> None:
    """And they exist."""
    for name, operation in operations("wos").items():
        assert operation["x-requirements"], name
        assert set(operation["x-requirements"]) <= set(INDEX), name


def test_operations_are_tagged_with_an_area() -> None:
    """The tag of an operation is the chapter that speaks about it."""
    tags = {tag for operation in operations("wos").values() for tag in operation["tags"]}
    assert tags <= {name.partition(".")[0] for name in INDEX}


def test_every_operation_can_refuse() -> None:
    """Whoever may not ask is told so, and whoever comes too often."""
    for name, operation in operations("wos").items():
        assert {"401", "403", "405", "429", "500", "503"} <= set(operation["responses"]), name


def test_schemathesis_reads_all_operations() -> None:
    """Without a warning, since warnings are errors here."""
    schema = schemathesis.openapi.from_path(OPENAPI["wos"])
    found = [result.ok() for result in schema.get_all_operations()]
    assert {operation.definition.raw["operationId"] for operation in found} == set(operations("wos"))


def test_statuses_of_operations_fit_the_problem_types() -> None:
    """Every status of a refusal is registered."""
    registry = problem_types()
    registered = {entry["status"] for entry in registry["types"].values()} | set(registry["about-blank"])
    used = {int(s) for o in operations("wos").values() for s in o["responses"] if int(s) >= 400}
    assert used <= registered


def test_problem_types_are_well_formed() -> None:
    """A name, a status and a title each; no status twice among those without a type of their own."""
    registry = problem_types()
    assert registry["base"].startswith("https://")
    assert all(set(entry) == {"status", "title"} for entry in registry["types"].values())
    assert all(400 <= entry["status"] < 600 for entry in registry["types"].values())
    assert len(registry["about-blank"]) == len(set(registry["about-blank"]))


def problem_types() -> dict[str, Any]:
    """The registry."""
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "problem-types.yaml").read_bytes())
    return loaded


def test_test_control_is_no_part_of_the_interface() -> None:
    """It has a path and a token of its own."""
    document = read_openapi("test-control")
    assert all(path.startswith("/control/v1/") for path in document["paths"])
    assert document["security"] == [{"token": []}]
    assert not set(document["paths"]) & set(read_openapi("wos")["paths"])
