"""The operations: the documents are valid OpenAPI 3.1, and every operation names the rules that it must keep."""

from typing import Any

import pytest
import schemathesis
import yaml
from jsonschema_path import SchemaPath
from openapi_spec_validator import OpenAPIV31SpecValidator
from version import FOLDER, INDEX, INTERFACES, OPENAPI, operations, read_openapi


@pytest.mark.parametrize("name", OPENAPI)
def test_document_is_valid(name: str) -> None:
    """References into the schemas included."""
    path = SchemaPath.from_file_path(str(OPENAPI[name]))
    assert [str(error) for error in OpenAPIV31SpecValidator(path).iter_errors()] == []


def test_documents_are_those_that_we_know() -> None:
    """The interface, what an identity service offers beside it, and how a product under test is set up."""
    assert list(OPENAPI) == ["enrolment", "test-control", "trust", "wos"]
    assert INTERFACES == ["enrolment", "trust", "wos"]


@pytest.mark.parametrize("document", INTERFACES)
def test_every_operation_of_an_interface_names_its_rules(document: str) -> None:
    """And they exist."""
    for name, operation in operations(document).items():
        assert operation["x-requirements"], name
        assert set(operation["x-requirements"]) <= set(INDEX), name


@pytest.mark.parametrize("document", INTERFACES)
def test_operations_are_tagged_with_an_area(document: str) -> None:
    """The tag of an operation is the chapter that speaks about it."""
    tags = {tag for operation in operations(document).values() for tag in operation["tags"]}
    assert tags <= {name.partition(".")[0] for name in INDEX}
    assert tags == {tag["name"] for tag in read_openapi(document)["tags"]}


@pytest.mark.parametrize("document", INTERFACES)
def test_every_operation_can_refuse(document: str) -> None:
    """Whoever may not ask is told so, where it matters who asks, and whoever comes too often."""
    everybody = read_openapi(document).get("security")
    for name, operation in operations(document).items():
        told_apart = {"401", "403"} if operation.get("security", everybody) else set()
        assert told_apart | {"405", "429", "500", "503"} <= set(operation["responses"]), name


@pytest.mark.parametrize("document", INTERFACES)
def test_every_operation_says_who_may_ask(document: str) -> None:
    """Only the operations before an identity is known are open to everybody."""
    everybody = read_openapi(document).get("security")
    found = {name for name, operation in operations(document).items() if not operation.get("security", everybody)}
    assert (
        found
        == {"enrolment": {"getRoots"}, "trust": {"getDiscoveryDocument", "getTrustBundle"}, "wos": set()}[document]
    )


@pytest.mark.parametrize("document", OPENAPI)
def test_schemathesis_reads_all_operations(document: str) -> None:
    """Without a warning, since warnings are errors here."""
    schema = schemathesis.openapi.from_path(OPENAPI[document])
    found = [result.ok() for result in schema.get_all_operations()]
    assert {operation.definition.raw["operationId"] for operation in found} == set(operations(document))


def test_operations_have_names_of_their_own() -> None:
    """Across all documents, and so have paths."""
    names = [name for document in OPENAPI for name in operations(document)]
    paths = [path for document in OPENAPI for path in read_openapi(document)["paths"]]
    assert len(names) == len(set(names))
    assert len(paths) == len(set(paths))


def test_statuses_of_operations_fit_the_problem_types() -> None:
    """Every status of a refusal is registered."""
    registry = problem_types()
    registered = {entry["status"] for entry in registry["types"].values()} | set(registry["about-blank"])
    declared = (operation for document in INTERFACES for operation in operations(document).values())
    used = {int(status) for operation in declared for status in operation["responses"] if int(status) >= 400}
    assert used <= registered


def test_problem_types_are_well_formed() -> None:
    """A name, a status, a title and what may be done each; no status twice among those without a type of their own."""
    registry = problem_types()
    assert registry["base"].startswith("https://")
    assert all(set(e) - {"feature"} == {"status", "title", "retryable", "backoff"} for e in registry["types"].values())
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
    assert not any(path.startswith("/control/") for name in INTERFACES for path in read_openapi(name)["paths"])
