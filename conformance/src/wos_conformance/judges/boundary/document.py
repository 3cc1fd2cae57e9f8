"""What judges of the boundary look for in documents, in bounded time."""

import json
from collections.abc import Iterator
from typing import Any

import yaml

from wos_conformance.judges.document import walk

_LONGEST_TEXT = 65_536


def kubernetes_objects(value: Any, below: int) -> set[str]:
    """The Kubernetes objects in a value from this depth on, also those that are written in a text, as JSON texts."""
    found: set[str] = set()
    for depth, part in walk(value):
        if depth >= below and _is_object(part):
            found.add(_text(part))
        elif isinstance(part, str):
            found |= {_text(inner) for inner in _written(part) if _is_object(inner)}
    return found


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and "apiVersion" in value and "kind" in value


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _written(text: str) -> Iterator[Any]:
    """The values in a YAML text that could hold an object; a text with aliases may be a bomb and is not read."""
    if len(text) > _LONGEST_TEXT or "apiVersion" not in text:
        return
    for part in text.split("\n---"):
        try:
            if not any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(part, Loader=yaml.CSafeLoader)):
                yield yaml.load(part, Loader=yaml.CSafeLoader)
        except (yaml.YAMLError, ValueError, RecursionError):
            continue


def key_paths(value: Any, prefix: str = "") -> set[str]:
    """The paths of all members, without the indices of lists."""
    if isinstance(value, list):
        return {path for item in value for path in key_paths(item, prefix)}
    if not isinstance(value, dict):
        return set()
    paths = {f"{prefix}/{name}" for name in value}
    return paths.union(*(key_paths(inner, f"{prefix}/{name}") for name, inner in value.items()))
