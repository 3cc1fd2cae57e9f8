"""How judges read what was sent: kinds of text, equal JSON values, problem types, header fields."""

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Literal

from wos_conformance.history import ExchangeView, History
from wos_conformance.specification import Specification

_UNSURE_STATUSES = {413, 415, 429, 431, 503}
_FOR_EVER = float("inf")
_LEVELS = 64
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_PLAIN_PATH = re.compile(r"[!-$&-~]*")


def served(history: History, operation: str | None = None) -> Iterator[ExchangeView]:
    """Exchanges of accepted peers with a whole answer which no injected fault and no overload explains."""
    return (view for view in answered(history, operation) if view.status not in _UNSURE_STATUSES)


def answered(history: History, operation: str | None = None) -> Iterator[ExchangeView]:
    """Exchanges of accepted peers with a whole answer which no injected fault explains."""
    return (view for view in _answered(history) if operation is None or view.operation == operation)


@lru_cache(maxsize=4)
def _answered(history: History) -> list[ExchangeView]:
    """Found once, because nearly every judge of a WOS begins here."""
    retired = _retired(history)
    return [view for view in history.exchanges() if _is_answered(view, history, retired.get(view.client, []))]


def _is_answered(view: ExchangeView, history: History, retired: list[tuple[float, float]]) -> bool:
    credential = history.credential(view.connection)
    if view.status is None or view.failure or history.fault_over(view):
        return False
    if credential is not None and credential.flaw is not None:
        return False
    return not any(begin <= view.ended and view.started < end for begin, end in retired)


def _retired(history: History) -> dict[str, list[tuple[float, float]]]:
    """For each client the spans of time from a retirement to its next admission."""
    admitted = [(control.request.get("spiffeId"), control.ended) for control in history.controls("admit")]
    spans: dict[str, list[tuple[float, float]]] = {}
    for control in history.controls("retire"):
        client = str(control.request.get("spiffeId"))
        again = (end for who, end in admitted if who == client and end >= control.ended)
        spans.setdefault(client, []).append((control.started, min(again, default=_FOR_EVER)))
    return spans


def relations(history: History) -> Callable[[ExchangeView], tuple[str, int]]:
    """A name for the relation of WOS and client in which an exchange took place: how often it was retired before."""
    ends: dict[str, list[float]] = {}
    for control in history.controls("retire"):
        ends.setdefault(str(control.request.get("spiffeId")), []).append(control.ended)
    return lambda view: (view.client, bisect_right(ends.get(view.client, []), view.started))


Kind = Literal["json", "not-json", "unsure"]


def kind_of(body: bytes) -> Kind:
    """What a text is; `unsure` where parsers may honestly differ (depth, duplicate names, huge numbers, surrogates)."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return "not-json"
    if len(body) > 1 << 20 or text.startswith("\ufeff") or _is_deep(text):
        return "unsure"
    doubts: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in found}) != len(found):
            doubts.append("a name stands twice")
        return dict(found)

    def number(found: str) -> float:
        if len(found) > 40 or abs(float(found)) > 1e300:
            doubts.append("a number is huge")
        return 0

    try:
        json.loads(text, object_pairs_hook=pairs, parse_int=number, parse_float=number, parse_constant=_no_json)
    except RecursionError:
        return "unsure"
    except ValueError:
        return "not-json"
    return "unsure" if doubts or "\\ud" in text.lower() else "json"


def _is_deep(text: str) -> bool:
    """Whether a text has more levels than everybody reads; what stands in the innermost brackets is a level too."""
    if text.count("[") + text.count("{") < _LEVELS:
        return False
    depth = 0
    for found in _BRACKETS.finditer(text):
        depth += found[0] in "[{"
        depth -= found[0] in "]}"
        if depth >= _LEVELS:
            return True
    return False


def _no_json(name: str) -> Any:
    raise ValueError(name)


def same_json(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; `true` is not 1, and 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return bool(one == other)


def problem_type(view: ExchangeView) -> str | None:
    """The `type` of a problem document; None when there is none."""
    try:
        value = view.json()
    except ValueError:
        return None
    found = value.get("type") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def type_uri(fragment: str) -> str:
    """The URI of a registered problem type."""
    return next(uri for uri in Specification.load().problem_types if uri.endswith(f"#{fragment}"))


def has_problem(view: ExchangeView, status: int, fragment: str) -> bool:
    """Whether the answer has this status and this registered problem type."""
    return view.status == status and problem_type(view) == type_uri(fragment)


def told(view: ExchangeView) -> str:
    """Status and problem type of an answer, for a failure text."""
    found = problem_type(view)
    return f"status {view.status}" + (f" with type {found!r}" if found else "")


def media_type(value: str | None) -> str | None:
    """A content type without its parameters, in lower case."""
    return value.partition(";")[0].strip().lower() if value is not None else None


def directives(value: str | None) -> set[str]:
    """The directives of `Cache-Control`, in lower case."""
    return {part.strip().lower() for part in (value or "").split(",") if part.strip()}


def entity_tags(value: str | None) -> set[str]:
    """The opaque tags, with quotes, that `If-None-Match` holds, without regard to `W/`; `*` is kept as it is."""
    if value is None:
        return set()
    if value.strip() == "*":
        return {"*"}
    return set(re.findall(r'(?:^|[\s,])(?:W/)?("[!#-~\x80-\xff]*")', value))


def is_plain(view: ExchangeView) -> bool:
    """Whether all parameters of the path are printable ASCII, so that nobody can read them in two ways."""
    return all(_PLAIN_PATH.fullmatch(value) for value in view.parameters.values())
