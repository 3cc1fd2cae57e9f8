"""Requests made of earlier answers, along the links of the OpenAPI document.

Schemathesis has a machine of its own for them, which takes chances that no seed repeats.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.generation.stateful.state_machine import ExtractedParam, StepOutput
from schemathesis.specs.openapi.stateful.links import OpenApiLink

from wos_conformance.drive.generated import described


@dataclass(frozen=True)
class Draft:
    """A valid request for one operation, before a link has put something into it."""

    case: Case[Any]

    def __repr__(self) -> str:
        return repr(self.case.operation.label)

    def fed(self, document: Path, answered: Sequence[StepOutput], choice: int) -> Case[Any]:
        """The case with what a link takes for it from an earlier answer; `choice` says which, if several do."""
        leading = [(link, output) for output in answered for link in _leading(document, output, self.case)]
        if leading:
            link, output = leading[choice % len(leading)]
            _put(link, output, self.case)
        return self.case


def bare(document: Path, name: str) -> Draft:
    """A request for the operation of this id with nothing in it."""
    operation = next(operation for operation in described(document) if operation.definition.raw["operationId"] == name)
    return Draft(operation.Case())


def drafts(document: Path) -> st.SearchStrategy[Draft]:
    """Valid requests for any operation of an OpenAPI document."""
    return st.one_of(
        [operation.as_strategy(generation_mode=GenerationMode.POSITIVE) for operation in described(document)]
    ).map(Draft)


def _leading(document: Path, output: StepOutput, case: Case[Any]) -> Iterator[OpenApiLink]:
    """The links from an answer to the operation of a case."""
    for link in _links(document):
        from_here = (link.source.label, link.status_code) == (
            output.case.operation.label,
            str(output.response.status_code),
        )
        if from_here and link.target.label == case.operation.label:
            yield link


@cache
def _links(document: Path) -> list[OpenApiLink]:
    return [
        OpenApiLink(name, status, link, operation)
        for operation in described(document)
        for status, response in operation.responses.items()
        for name, link in response.iter_links()
    ]


def _put(link: OpenApiLink, output: StepOutput, case: Case[Any]) -> None:
    taken = link.extract(output)
    for container, parameters in taken.parameters.items():
        found = {name: value for name, part in parameters.items() if (value := _found(part)) is not None}
        setattr(case, container, {**(getattr(case, container) or {}), **found})
    if taken.request_body is not None and (body := _found(taken.request_body)) is not None:
        case.body = body


def _found(part: ExtractedParam) -> str | dict[str, Any] | None:
    """The text or the body that an expression of a link has found."""
    value = part.value.ok() if isinstance(part.value, Ok) else None
    return value if isinstance(value, str | dict) else None
