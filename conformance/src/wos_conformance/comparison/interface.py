"""Differences between two sets of OpenAPI documents: operations, parameters, bodies, answers, headers.

An agent calls and a WOS answers; what one of the older version relied on and no longer finds is a major change.
What several operations share under a name is compared once, under that name.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from wos_conformance.comparison import schema
from wos_conformance.comparison.change import Change, Step
from wos_conformance.comparison.schema import Difference, Schemas
from wos_conformance.specification import Specification

METHODS = ("get", "put", "post", "delete", "head", "patch", "options")
Document = Mapping[str, Any]
_NOTHING: Document = {"paths": {}}


def compare(old: Specification, new: Specification) -> Iterator[Change]:
    """Operations that came, went, or are spoken differently, document by document."""
    for name in dict.fromkeys([*old.interfaces, *new.interfaces]):
        was, now = (version.interfaces.get(name, _NOTHING) for version in (old, new))
        yield from _Walk(name, was, now, old.schemas, new.schemas).changes()


def operations(document: Document) -> dict[str, dict[str, Any]]:
    """The operations of a document by method and path; each has the parameters of its path as well."""
    return {
        f"{method.upper()} {path}": item[method]
        | {"parameters": [*item.get("parameters", []), *item[method].get("parameters", [])]}
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    }


class _Walk:
    """One pass over two versions of a document."""

    def __init__(self, name: str, old: Document, new: Document, old_files: Schemas, new_files: Schemas) -> None:
        self._name = name
        self._old = old
        self._new = new
        self._schemas = {**old_files, **_shapes(old)}, {**new_files, **_shapes(new)}

    def changes(self) -> Iterator[Change]:
        before, after = operations(self._old), operations(self._new)
        for name in [name for name in before if name not in after]:
            yield Change("operation", name, "removed", "major")
        for name in [name for name in after if name not in before]:
            yield Change("operation", name, "added", "minor")
        for name in [name for name in after if name in before]:
            for difference in self._operation(before[name], after[name]):
                yield _change("operation", name, difference)
        yield from self._components()

    def _components(self) -> Iterator[Change]:
        comparisons = {"parameters": self._parameter, "headers": self._header, "responses": self._response}
        for kind, differences in comparisons.items():
            was, now = (document.get("components", {}).get(kind, {}) for document in (self._old, self._new))
            for name in [name for name in now if name in was]:
                for difference in differences(was[name], now[name], ""):
                    yield _change("component", f"{self._name}.yaml {kind} {name}", difference)
        was, now = (_shapes(document) for document in (self._old, self._new))
        for name in [name for name in now if name in was]:
            for difference in schema.Walk(*self._schemas).differences(was[name], now[name], ""):
                yield _change("component", f"{self._name}.yaml {name.removeprefix('#/components/')}", difference)

    def _operation(self, old: Any, new: Any) -> Iterator[Difference]:
        yield from self._parameters(self._named(old, self._old), self._named(new, self._new))
        yield from self._request(old.get("requestBody"), new.get("requestBody"))
        for status, response in new["responses"].items():
            if status not in old["responses"]:
                known = any(earlier[0] == status[0] for earlier in old["responses"])
                yield "answer added", "minor" if known else "major", f"responses/{status}", "", status
            else:
                yield from self._response(old["responses"][status], response, f"responses/{status}")
        for status in [status for status in old["responses"] if status not in new["responses"]]:
            yield "answer removed", "major", f"responses/{status}", status, ""

    def _named(self, operation: Any, document: Document) -> dict[str, Any]:
        """The parameters by place and name, each as it is written."""
        followed = ((_followed(parameter, document), parameter) for parameter in operation["parameters"])
        return {f"{parameter['in']} {parameter['name']}": written for parameter, written in followed}

    def _parameters(self, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
        for name in dict.fromkeys([*old, *new]):
            place = f"parameters/{name}"
            if name not in new:
                yield "parameter removed", "major", place, name, ""
            elif name not in old:
                required = _followed(new[name], self._new).get("required")
                yield "parameter added", "major" if required else "minor", place, "", name
            else:
                yield from self._parameter(old[name], new[name], place)

    def _parameter(self, old: Any, new: Any, place: str) -> Iterator[Difference]:
        yield from self._value("parameter", old, new, place)

    def _header(self, old: Any, new: Any, place: str) -> Iterator[Difference]:
        yield from self._value("header", old, new, place)

    def _value(self, what: str, old: Any, new: Any, place: str) -> Iterator[Difference]:
        for was, now in self._apart(old, new):
            yield from _required(what, was, now, place)
            yield from self._schema(was, now, place)

    def _request(self, old: Any, new: Any) -> Iterator[Difference]:
        if bool(old) != bool(new):
            yield f"body {'added' if new else 'removed'}", "major", "requestBody", "", ""
        for was, now in self._apart(old, new):
            yield from _required("body", was, now, "requestBody")
            yield from self._content(was, now, "requestBody", added="major")

    def _response(self, old: Any, new: Any, place: str) -> Iterator[Difference]:
        for was, now in self._apart(old, new):
            yield from self._headers(_lower(was), _lower(now), place)
            yield from self._content(was, now, place, added="minor")

    def _headers(self, old: Any, new: Any, place: str) -> Iterator[Difference]:
        for name in dict.fromkeys([*old, *new]):
            inner = f"{place}/headers/{name}".lstrip("/")
            if name not in new:
                yield "header removed", "major", inner, name, ""
            elif name not in old:
                required = _followed(new[name], self._new).get("required")
                yield "header added", "major" if required else "minor", inner, "", name
            else:
                yield from self._header(old[name], new[name], inner)

    def _content(self, old: Any, new: Any, place: str, *, added: Step) -> Iterator[Difference]:
        """Bodies by media type; a further one in an answer is only served to whoever asks for it."""
        was, now = old.get("content", {}), new.get("content", {})
        for media_type in dict.fromkeys([*was, *now]):
            inner = f"{place}/content/{media_type}".lstrip("/")
            if media_type not in now:
                yield "media type removed", "major", inner, media_type, ""
            elif media_type not in was:
                yield "media type added", added, inner, "", media_type
            else:
                yield from self._schema(was[media_type], now[media_type], inner)

    def _schema(self, old: Any, new: Any, place: str) -> Iterator[Difference]:
        """Schemas inside the document; those to which both refer by one name are compared by themselves."""
        was, now = (node.get("schema", True) for node in (old, new))
        yield from schema.Walk(*self._schemas).differences(was, now, f"{place}/schema".lstrip("/"))

    def _apart(self, old: Any, new: Any) -> Iterator[tuple[Any, Any]]:
        """Both with their references followed; nothing where one is missing or both have the same name."""
        if old and new and not ("$ref" in old and old["$ref"] == new.get("$ref")):
            yield _followed(old, self._old), _followed(new, self._new)


def _change(part: Any, name: str, difference: Difference) -> Change:
    kind, step, place, was, now = difference
    return Change(part, name, kind, step, place, was, now)


def _shapes(document: Document) -> dict[str, Any]:
    """The schemas that stand in a document under names of their own, by reference."""
    shapes = document.get("components", {}).get("schemas", {})
    return {f"#/components/schemas/{name}": shape for name, shape in shapes.items()}


def _lower(response: Any) -> dict[str, Any]:
    return {name.lower(): header for name, header in response.get("headers", {}).items()}


def _required(what: str, old: Any, new: Any, place: str) -> Iterator[Difference]:
    was, now = ("required" if node.get("required") else "optional" for node in (old, new))
    if was != now:
        yield f"{what} {now}", "major", place, was, now


def _followed(node: Any, document: Any) -> Any:
    """What stands behind a reference into the document, or the node itself."""
    reference = node.get("$ref", "")
    if not reference.startswith("#/"):
        return node
    target = document
    for segment in reference.removeprefix("#/").split("/"):
        target = target[segment.replace("~1", "/").replace("~0", "~")]
    return _followed(target, document)
