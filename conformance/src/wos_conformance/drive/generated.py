"""Requests that Schemathesis generates from the OpenAPI document; only what a plain visitor would send leaves here."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

_OURS = {"user-agent", "x-schemathesis-testcaseid", "accept-encoding", "connection", "content-length", "host"}
BASE = "https://wos.example"
"""A stand-in for the address, which no request names."""


@dataclass(frozen=True)
class GeneratedRequest:
    """One request, exact to the byte but for what every connection adds."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    case: Case[Any] = field(repr=False)
    """What Schemathesis made it from."""


def requests(document: Path) -> Iterator[tuple[str, st.SearchStrategy[GeneratedRequest]]]:
    """A name and a strategy for each operation of an OpenAPI document, once valid and once with one thing wrong."""
    for operation in described(document):
        modes = [GenerationMode.POSITIVE]
        if operation.body or operation.path_parameters:
            modes.append(GenerationMode.NEGATIVE)
        for mode in modes:
            yield f"{operation.label} {mode.value}", operation.as_strategy(generation_mode=mode).map(plain)


def operations(document: Path) -> list[str]:
    """The names of all operations of an OpenAPI document."""
    return [operation.label for operation in described(document)]


def boundaries(document: Path, label: str) -> Iterator[GeneratedRequest]:
    """The requests that try each limit of an operation once, from both sides, and methods that it does not have."""
    operation = next(operation for operation in described(document) if operation.label == label)
    configuration = operation.schema.config.generation_for(operation=operation, phase="coverage")
    for case in operation.schema.iter_coverage_cases(
        operation, generation_modes=list(GenerationMode), generation_config=configuration
    ):
        yield plain(case)


@cache
def described(document: Path) -> list[Any]:
    """All operations of an OpenAPI document, as Schemathesis sees them."""
    return [
        result.ok()
        for result in schemathesis.openapi.from_path(document).get_all_operations()
        if isinstance(result, Ok)
    ]


def plain(case: Case[Any]) -> GeneratedRequest:
    """A case of Schemathesis, without what would tell that it is one."""
    made = case.as_transport_kwargs(base_url=BASE)
    url = urlsplit(made["url"])
    headers = [(name, str(value)) for name, value in made["headers"].items() if name.lower() not in _OURS]
    target = url.path + (f"?{url.query}" if url.query else "")
    return GeneratedRequest(made["method"], target, headers, _body(made), case)


def _body(made: dict[str, Any]) -> bytes:
    if "json" in made:
        return json.dumps(made["json"], ensure_ascii=False).encode("utf-8", "surrogatepass")
    data = made.get("data") or b""
    return data if isinstance(data, bytes) else str(data).encode("utf-8", "surrogatepass")
