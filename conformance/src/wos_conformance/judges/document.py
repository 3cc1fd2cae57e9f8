"""How judges read the document of a deployment: YAML, whose texts stay texts."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml


class _Loader(yaml.CSafeLoader):
    """Knows no dates: a text that looks like one is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


_MOST_NODES = 100_000
_DEEPEST = 100


@lru_cache(maxsize=512)
def _parsed(content: bytes) -> Any:
    """The value of a YAML text; None when there is none, or when its aliases and levels would cost too much."""
    try:
        value = yaml.load(content, Loader=_Loader)  # noqa: S506 - a safe loader with fewer types
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    depths = [depth for depth, _ in walk(value)]
    return value if len(depths) < _MOST_NODES and max(depths) <= _DEEPEST else None


def document_of(content: bytes | None) -> dict[str, Any] | None:
    """The document as JSON-like value; None when it cannot be read or is no mapping."""
    value = _parsed(content) if content is not None else None
    return value if isinstance(value, dict) else None


def walk(value: Any) -> Iterator[tuple[int, Any]]:
    """Every value inside a JSON-like value with its depth, itself first; no more than a judge has time for."""
    waiting = [(0, value)]
    for _ in range(_MOST_NODES):
        if not waiting:
            return
        depth, part = waiting.pop()
        yield depth, part
        inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        waiting.extend((depth + 1, item) for item in inner)


def member_names(value: Any) -> set[str]:
    """The names of all members at any depth."""
    return {str(name) for _, part in walk(value) if isinstance(part, dict) for name in part}


def ornament(content: bytes) -> str | None:
    """The first thing in a YAML text that JSON does not have, in words; None when there is none or it is no YAML."""
    documents, open_keys = 0, [_Keys()]
    try:
        for event in yaml.parse(content, Loader=yaml.CSafeLoader):
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                return "a second document"
            if isinstance(event, yaml.AliasEvent):
                return f"the alias *{event.anchor}"
            if (tag := getattr(event, "tag", None)) is not None:
                return f"the tag {tag}"
            if (repeated := _keys_after(event, open_keys)) is not None:
                return f"the key {repeated!r} twice"
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return None


@dataclass
class _Keys:
    """The keys of a mapping that is open, or of nothing that has keys; every other node in it is a key."""

    names: set[str] | None = None
    is_key: bool = True

    def take(self, name: str | None) -> str | None:
        """A node begins here; the name if it is a key that was there before."""
        if self.names is None:
            return None
        was_key, self.is_key = self.is_key, not self.is_key
        if not was_key or name is None:
            return None
        if name in self.names:
            return name
        self.names.add(name)
        return None


def _keys_after(event: yaml.Event, open_keys: list[_Keys]) -> str | None:
    if isinstance(event, yaml.ScalarEvent):
        return open_keys[-1].take(event.value)
    if isinstance(event, yaml.CollectionStartEvent):
        open_keys[-1].take(None)
        open_keys.append(_Keys(set() if isinstance(event, yaml.MappingStartEvent) else None))
    elif isinstance(event, yaml.CollectionEndEvent):
        open_keys.pop()
    return None
