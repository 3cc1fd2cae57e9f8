"""How judges read the document of a deployment: YAML, whose texts stay texts."""

from functools import lru_cache
from typing import Any

import yaml


class _Loader(yaml.CSafeLoader):
    """Knows no dates: a text that looks like one is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


@lru_cache(maxsize=512)
def _parsed(content: bytes) -> Any:
    try:
        return yaml.load(content, Loader=_Loader)  # noqa: S506 - a safe loader with fewer types
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def document_of(content: bytes | None) -> dict[str, Any] | None:
    """The document as JSON-like value; None when it cannot be read or is no mapping."""
    value = _parsed(content) if content is not None else None
    return value if isinstance(value, dict) else None
