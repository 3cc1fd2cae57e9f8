"""Whether the test control answers as `openapi/test-control.yaml` says; what does not is a fault of the set-up."""

from functools import cache
from typing import Any

import jsonschema
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from wos_conformance.specification import Specification

_DOCUMENT = "https://spec.example/openapi/test-control.yaml"


def fault(verb: str, answer: dict[str, Any]) -> str | None:
    """The first thing that is wrong with the answer to a verb that is done, in a sentence; None when nothing is."""
    error = next(iter(_validator(verb).iter_errors(answer)), None)
    if error is None:
        return None
    where = "".join(f"/{part}" for part in error.absolute_path)
    return f"the answer is not as test-control.yaml says: {where or 'the object'}: {error.message[:200]}"


@cache
def _validator(verb: str) -> jsonschema.Draft202012Validator:
    specification = Specification.load()
    contract = specification.interfaces["test-control"]
    resources = [(_DOCUMENT, contract)]
    for name, schema in specification.schemas.items():
        resources += [(f"https://spec.example/schemas/{name}.schema.json", schema), (schema["$id"], schema)]
    registry: Registry[Any] = Registry().with_resources(
        (uri, Resource.from_contents(content, DRAFT202012)) for uri, content in resources
    )
    place = f"/paths/~1control~1v1~1{verb}/post/responses/200"
    answer = contract["paths"][f"/control/v1/{verb}"]["post"]["responses"]["200"]
    if "$ref" in answer:
        place = answer["$ref"].removeprefix("#")
    schema = {"$ref": f"{_DOCUMENT}#{place}/content/application~1json/schema"}
    return jsonschema.Draft202012Validator(schema, registry=registry)
