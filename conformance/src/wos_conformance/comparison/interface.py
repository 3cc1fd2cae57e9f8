"""Differences between two sets of OpenAPI documents: operations, parameters, bodies, answers, headers.

An agent calls and a WOS answers; what one of the older version relied on and no longer finds is a major change.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from wos_conformance.comparison import schema
from wos_conformance.comparison.change import Change, Step

METHODS = ("get", "put", "post", "delete", "head", "patch", "options")
_NAMED_SCHEMAS = "#/components/schemas/"
Document = Mapping[str, Any]


def compare(old: Mapping[str, Document], new: Mapping[str, Document]) -> Iterator[Change]:
    """Operations that came, went, or are spoken differently."""
    before = {name: found for document in old.values() for name, found in operations(document).items()}
    after = {name: found for document in new.values() for name, found in operations(document).items()}
    for name in [name for name in before if name not in after]:
        yield Change("operation", name, "removed", "major")
    for name in [name for name in after if name not in before]:
        yield Change("operation", name, "added", "minor")
    for name in [name for name in after if name in before]:
        for kind, step, place, was, now in _of_one(before[name], after[name]):
            yield Change("operation", name, kind, step, place, was, now)
    yield from schema.compare(_shapes(old), _shapes(new))


def _shapes(documents: Mapping[str, Document]) -> dict[str, Any]:
    """The schemas that stand in the documents under names of their own."""
    return {
        f"{document}.yaml#{name}": shape
        for document, content in documents.items()
        for name, shape in content.get("components", {}).get("schemas", {}).items()
    }


def operations(document: Document) -> dict[str, dict[str, Any]]:
    """The operations by method and path, with their references inside the document followed."""
    found = {}
    for path, item in document["paths"].items():
        for method in [method for method in METHODS if method in item]:
            operation = _followed(item[method], document)
            shared = [_followed(parameter, document) for parameter in item.get("parameters", [])]
            operation["parameters"] = [*shared, *operation.get("parameters", [])]
            found[f"{method.upper()} {path}"] = operation
    return found


def _of_one(old: Any, new: Any) -> Iterator[schema.Difference]:
    yield from _parameters(_named(old), _named(new))
    yield from _request(old.get("requestBody"), new.get("requestBody"))
    for status, response in new["responses"].items():
        if status not in old["responses"]:
            known = any(earlier[0] == status[0] for earlier in old["responses"])
            yield "answer added", "minor" if known else "major", f"responses/{status}", "", status
        else:
            yield from _response(old["responses"][status], response, f"responses/{status}")
    for status in [status for status in old["responses"] if status not in new["responses"]]:
        yield "answer removed", "major", f"responses/{status}", status, ""


def _named(operation: Any) -> dict[str, Any]:
    return {f"{parameter['in']} {parameter['name']}": parameter for parameter in operation["parameters"]}


def _parameters(old: dict[str, Any], new: dict[str, Any]) -> Iterator[schema.Difference]:
    for name in [*old, *(name for name in new if name not in old)]:
        place = f"parameters/{name}"
        if name not in new:
            yield "parameter removed", "major", place, name, ""
        elif name not in old:
            yield "parameter added", "major" if new[name].get("required") else "minor", place, "", name
        else:
            yield from _required("parameter", old[name], new[name], place)
            yield from _schema(old[name], new[name], place)


def _request(old: Any, new: Any) -> Iterator[schema.Difference]:
    if not old or not new:
        if old != new:
            yield f"body {'added' if new else 'removed'}", "major", "requestBody", "", ""
        return
    yield from _required("body", old, new, "requestBody")
    yield from _content(old, new, "requestBody", added="major")


def _response(old: Any, new: Any, place: str) -> Iterator[schema.Difference]:
    was, now = ({n.lower(): h for n, h in response.get("headers", {}).items()} for response in (old, new))
    for name in [*was, *(name for name in now if name not in was)]:
        inner = f"{place}/headers/{name}"
        if name not in now:
            yield "header removed", "major", inner, name, ""
        elif name not in was:
            yield "header added", "major" if now[name].get("required") else "minor", inner, "", name
        else:
            yield from _required("header", was[name], now[name], inner)
            yield from _schema(was[name], now[name], inner)
    yield from _content(old, new, place, added="minor")


def _content(old: Any, new: Any, place: str, *, added: Step) -> Iterator[schema.Difference]:
    """Bodies by media type; a further one in an answer is only served to whoever asks for it."""
    was, now = old.get("content", {}), new.get("content", {})
    for media_type in [*was, *(name for name in now if name not in was)]:
        inner = f"{place}/content/{media_type}"
        if media_type not in now:
            yield "media type removed", "major", inner, media_type, ""
        elif media_type not in was:
            yield "media type added", added, inner, "", media_type
        else:
            yield from _schema(was[media_type], now[media_type], inner)


def _required(what: str, old: Any, new: Any, place: str) -> Iterator[schema.Difference]:
    was, now = ("required" if node.get("required") else "optional" for node in (old, new))
    if was != now:
        yield f"{what} {now}", "major", place, was, now


def _schema(old: Any, new: Any, place: str) -> Iterator[schema.Difference]:
    """Schemas inside the document; those that it refers to are compared by themselves."""
    yield from schema.Walk({}, {}).differences(old.get("schema", True), new.get("schema", True), f"{place}/schema")


def _followed(node: Any, document: Document) -> Any:
    """A copy without references into the document itself, but for those to a named schema, which may hold itself."""
    if isinstance(node, list):
        return [_followed(inner, document) for inner in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/") and not reference.startswith(_NAMED_SCHEMAS):
        return _followed(_at(document, reference), document)
    return {key: _followed(inner, document) for key, inner in node.items()}


def _at(document: Any, pointer: str) -> Any:
    for segment in pointer.removeprefix("#/").split("/"):
        document = document[segment.replace("~1", "/").replace("~0", "~")]
    return document
