"""Differences between two JSON Schemas, a walk over both at once.

`narrowed`: a document that was valid may be refused now, which breaks those who write it.
`widened`: a document may hold what was not possible before, which breaks those who read it.
A change that is neither for certain is `changed` and breaks both; new optional members of an open object break nobody.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from wos_conformance.comparison.change import Change, Step

ANNOTATIONS = {"$schema", "$id", "$comment", "title", "description", "summary", "examples", "default", "x-requirements"}
_LOWER_BOUNDS = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"}
_UPPER_BOUNDS = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"}
_INNER = {"items", "contains", "propertyNames"}
_CLOSING = {"additionalProperties", "unevaluatedProperties"}
_MEMBERS = {"properties", "patternProperties"}
_BRANCHES = {"anyOf", "oneOf", "allOf", "prefixItems"}
_VALUES = {"enum", "const"}

Schemas = Mapping[str, Any]


def compare(old: Schemas, new: Schemas) -> Iterator[Change]:
    """Schemas that came, went, or accept something else."""
    for name in [name for name in old if name not in new]:
        yield Change("schema", name, "removed", "major")
    for name in [name for name in new if name not in old]:
        yield Change("schema", name, "added", "minor")
    for name in [name for name in new if name in old]:
        for kind, step, place, was, now in Walk(old, new).differences(old[name], new[name], ""):
            yield Change("schema", name, kind, step, place, was, now)


Difference = tuple[str, Step, str, str, str]


class Walk:
    """One pass over two schemas; both sets of schemas are at hand for references that are not the same.

    A set has file schemas by their names, and others by the whole reference.
    """

    def __init__(self, old: Schemas, new: Schemas) -> None:
        self._old = old
        self._new = new
        self._seen: set[tuple[Any, Any]] = set()

    def differences(self, old: Any, new: Any, place: str) -> Iterator[Difference]:
        """How two schemas differ, with JSON pointers into the newer one."""
        if old == new:
            return
        if isinstance(old, bool) or isinstance(new, bool):
            yield _direction(narrowed=new is False, widened=old is False or new is True, place=place, was=old, now=new)
            return
        references = old.get("$ref"), new.get("$ref")
        if references[0] != references[1]:
            if references in self._seen:
                return
            self._seen.add(references)
            old, new = _followed(old, self._old), _followed(new, self._new)
        for keyword in [*old, *(keyword for keyword in new if keyword not in old)]:
            if keyword not in ANNOTATIONS and old.get(keyword) != new.get(keyword):
                yield from self._keyword(keyword, old, new, f"{place}/{_escaped(keyword)}")

    def _keyword(self, keyword: str, old: Any, new: Any, place: str) -> Iterator[Difference]:
        was, now = old.get(keyword), new.get(keyword)
        if keyword == "$defs":
            for name in [name for name in now or () if name in (was or ())]:
                yield from self.differences(was[name], now[name], f"{place}/{_escaped(name)}")
        elif keyword == "required":
            yield from _required(set(was or []), set(now or []), place)
        elif keyword == "type":
            yield _sets(_types(was), _types(now), place, was, now)
        elif keyword in _VALUES:
            yield from _values(keyword, old, new, place)
        elif keyword in _MEMBERS:
            yield from self._members(old, new, keyword, place)
        elif keyword in _CLOSING:
            yield from self._closing(was, now, place)
        elif keyword in _BRANCHES:
            yield from self._branches(keyword, was, now, place)
        elif keyword in _INNER and was is not None and now is not None:
            yield from self.differences(was, now, place)
        elif keyword in _LOWER_BOUNDS | _UPPER_BOUNDS and was is not None and now is not None:
            raised = (now > was) == (keyword in _LOWER_BOUNDS)
            yield _direction(narrowed=raised, widened=not raised, place=place, was=was, now=now)
        else:
            yield _direction(narrowed=was is None, widened=now is None, place=place, was=was, now=now)

    def _members(self, old: Any, new: Any, keyword: str, place: str) -> Iterator[Difference]:
        was, now = old.get(keyword) or {}, new.get(keyword) or {}
        for name in [*was, *(name for name in now if name not in was)]:
            inner = f"{place}/{_escaped(name)}"
            if name in was and name in now:
                yield from self.differences(was[name], now[name], inner)
            elif name in was:
                yield "member removed", "major", inner, _shown(was[name]), ""
            elif _is_open(old):
                yield "member added", "minor", inner, "", _shown(now[name])
            else:
                yield "widened", "major", inner, "", _shown(now[name])

    def _closing(self, was: Any, now: Any, place: str) -> Iterator[Difference]:
        was, now = True if was is None else was, True if now is None else now
        if was is False or now is False:
            yield ("opened" if was is False else "closed"), "major", place, _shown(was), _shown(now)
        elif was is True or now is True:
            yield _direction(narrowed=was is True, widened=now is True, place=place, was=was, now=now)
        else:
            yield from self.differences(was, now, place)

    def _branches(self, keyword: str, was: list[Any] | None, now: list[Any] | None, place: str) -> Iterator[Difference]:
        gone = [branch for branch in was or [] if branch not in (now or [])]
        come = [branch for branch in now or [] if branch not in (was or [])]
        if was and now and len(was) == len(now) and len(gone) == len(come):
            for before, after in zip(gone, come, strict=True):
                yield from self.differences(before, after, f"{place}/{now.index(after)}")
        elif was and now and keyword != "prefixItems":
            alternatives = keyword != "allOf"
            if gone:
                yield _direction(narrowed=alternatives, widened=not alternatives, place=place, was=gone, now="")
            if come:
                yield _direction(narrowed=not alternatives, widened=alternatives, place=place, was="", now=come)
        else:
            yield _direction(narrowed=not was, widened=not now, place=place, was=was, now=now)


def _direction(*, narrowed: bool, widened: bool, place: str, was: Any, now: Any) -> Difference:
    kind = "changed" if narrowed == widened else "narrowed" if narrowed else "widened"
    return kind, "major", place, _shown(was), _shown(now)


def _sets(was: set[str] | None, now: set[str] | None, place: str, shown_was: Any, shown_now: Any) -> Difference:
    """How a set of allowed values changed; None allows everything."""
    narrowed = now is not None and (was is None or now < was)
    widened = was is not None and (now is None or was < now)
    return _direction(narrowed=narrowed, widened=widened, place=place, was=shown_was, now=shown_now)


def _required(was: set[str], now: set[str], place: str) -> Iterator[Difference]:
    for name in sorted(now - was):
        yield "narrowed", "major", place, "optional", f"{name} is required"
    for name in sorted(was - now):
        yield "widened", "major", place, f"{name} is required", "optional"


def _values(keyword: str, old: Any, new: Any, place: str) -> Iterator[Difference]:
    """`enum` and `const` are one thing; when one takes the place of the other, it is told once."""
    if keyword == "const" and ("enum" in old or "enum" in new):
        return
    was, now = (_allowed(schema) for schema in (old, new))
    if was != now:
        yield _sets(was, now, place, sorted(was or ()), sorted(now or ()))


def _allowed(schema: Any) -> set[str] | None:
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    return None if values is None else {json.dumps(value, sort_keys=True) for value in values}


def _types(value: Any) -> set[str] | None:
    """The types by name; a number may be an integer too."""
    if value is None:
        return None
    named = {value} if isinstance(value, str) else set(value)
    return named | {"integer"} if "number" in named else named


def _is_open(schema: Any) -> bool:
    return all(schema.get(keyword, True) is not False for keyword in _CLOSING)


def _followed(schema: Any, schemas: Schemas) -> Any:
    """The schema behind a reference that the set has, with what stands beside it; any other reference stays."""
    reference = schema.get("$ref", "")
    target = schemas.get(reference, schemas.get(reference.rpartition("/")[2].removesuffix(".schema.json")))
    if not isinstance(target, dict):
        return schema
    return target | {keyword: value for keyword, value in schema.items() if keyword != "$ref"}


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
