"""How a WOS says no (errors.md)."""

import re
from collections.abc import Iterator
from typing import Any

from wos_conformance.history import ExchangeView, History
from wos_conformance.judges.capabilities.record import is_beyond
from wos_conformance.judges.document import walk
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.model import Model, replay
from wos_conformance.judges.reading import answered, media_type, served, told
from wos_conformance.specification import Specification

PROBLEM_TYPE = "application/problem+json"
_TRANSIENT = (429, 503)
_UNWANTED = (501, 505)
"""What a WOS says to a method or a version of HTTP that it does not have."""
_OTHER_LISTENER = "identity-service"
"""Who visits the identity service has this flaw; the rules of this chapter are those of the interface."""
_METHODS = (
    (re.compile(r"/api/v1/capabilities/[A-Za-z0-9_~-][A-Za-z0-9._~-]*"), {"PUT", "DELETE"}),
    (re.compile(r"/api/v1/deployments"), {"GET"}),
    (re.compile(r"/api/v1/deployments/[0-9a-fA-F-]{36}/sha256(:|%3A)[0-9a-f]{64}"), {"GET"}),
    (re.compile(r"/api/v1/deployments/[0-9a-fA-F-]{36}/status"), {"POST"}),
    (re.compile(r"/api/v1/bundles/sha256(:|%3A)[0-9a-f]{64}"), {"GET"}),
)
_TRACES = re.compile(
    r"Traceback \(most recent call last\)"
    r'|File "[^"\n]{1,200}", line \d+'
    r"|\bat [\w$.<>]{1,200}\([\w$]{1,100}\.(?:java|kt|scala):\d+\)"
    r"|\bat [^\n]{1,200}[\\/][\w.-]{1,100}\.[cm]?[jt]s:\d+:\d+"
    r"|\bat [\w.<>`]{1,200}\([^)\n]{0,200}\) in [^\n]{1,200}:line \d+"
    r"|goroutine \d+ \[|\bpanic: |\.go:\d+ \+0x|thread '[^']{1,100}' panicked at"
    r"|\b(?:SELECT\b[^\n]{1,300}\bFROM|INSERT INTO|UPDATE\b[^\n]{1,100}\bSET|DELETE FROM)\b"
)
_SEARCHED = 65_536
_LARGEST_BODY, _LARGE_BODY = 262_144, 200_000
_JUDGED_METHODS = {"GET", "PUT", "POST", "DELETE", "PATCH"}


def _errors(history: History) -> Iterator[ExchangeView]:
    for view in history.exchanges():
        credential = history.credential(view.connection)
        if credential is not None and credential.flaw == _OTHER_LISTENER:
            continue
        if view.status is not None and view.status >= 400 and view.complete and view.method != "HEAD":
            yield view


def _problems(history: History) -> Iterator[tuple[ExchangeView, dict[str, Any]]]:
    for view in _errors(history):
        try:
            value = view.json()
        except ValueError:
            continue
        if isinstance(value, dict):
            yield view, value


@judge("errors.problem-media-type")
def error_is_a_problem_document(history: History) -> Occasions:
    """The content type of an error."""
    for view in _errors(history):
        found = view.header("content-type")
        if media_type(found) == PROBLEM_TYPE:
            yield kept(view)
        else:
            received = f"{found!r} with status {view.status}"
            yield broken(view, expected=f"Content-Type: {PROBLEM_TYPE}", received=received)


@judge("errors.problem-valid")
def problem_is_valid(history: History) -> Occasions:
    """A problem document keeps the schema."""
    for view in _errors(history):
        try:
            value = view.json()
        except ValueError:
            yield broken(view, expected="a problem document", received=f"status {view.status}, {view.body[:80]!r}")
            continue
        if faults := Specification.load().errors("problem-detail", value):
            yield broken(view, expected="a document that is valid by the schema", received="; ".join(faults[:3]))
        else:
            yield kept(view)


@judge("errors.status-repeated")
def problem_repeats_the_status(history: History) -> Occasions:
    """The member `status` is the HTTP status."""
    for view, value in _problems(history):
        if "status" not in value:
            continue
        if value["status"] == view.status:
            yield kept(view)
        else:
            yield broken(view, expected=f"status: {view.status}", received=f"status: {value['status']!r}")


@judge("errors.type-registered")
def problem_has_a_registered_type(history: History) -> Occasions:
    """The type fits the status, or is of a namespace of the WOS's own."""
    specification = Specification.load()
    reserved = "https://docs.margo.org/"
    for view, value in _problems(history):
        kind = value.get("type")
        if not isinstance(kind, str):
            continue
        if kind == "about:blank":
            right = view.status in specification.blank_statuses
        elif kind.startswith(reserved):
            right = specification.problem_types.get(kind) == view.status
        else:
            right = re.match(r"[a-z][a-z0-9+.-]*:.", kind) is not None
        expected = f"a type of the registry that goes with status {view.status}, or one of an own namespace"
        yield kept(view) if right else broken(view, expected=expected, received=repr(kind))


@judge("errors.permanent-not-retryable")
def permanent_error_is_not_retryable(history: History) -> Occasions:
    """What asking again does not solve is not said to be solved by it."""
    for view in _errors(history):
        if view.status is None or not 400 <= view.status < 500 or view.status in _TRANSIENT:
            continue
        try:
            value = view.json()
        except ValueError:
            value = None
        retryable = isinstance(value, dict) and value.get("retryable") is True
        if retryable or view.header("retry-after") is not None:
            found = "retryable: true" if retryable else f"Retry-After: {view.header('retry-after')}"
            yield broken(view, expected="no promise of a better answer", received=f"{found} with status {view.status}")
        else:
            yield kept(view)


@judge("errors.transient-retry-after")
def transient_error_says_when(history: History) -> Occasions:
    """429 and 503 say when to come again."""
    for view in _errors(history):
        if view.status in _TRANSIENT:
            found = view.header("retry-after")
            yield kept(view) if found else broken(view, expected="a Retry-After header", received="none")


@judge("errors.transient-members")
def transient_error_says_how(history: History) -> Occasions:
    """429 and 503 are retryable, with growing pauses."""
    for view, value in _problems(history):
        if view.status not in _TRANSIENT:
            continue
        found = {name: value.get(name) for name in ("retryable", "backoffStrategy")}
        if found["retryable"] is True and found["backoffStrategy"] == "exponential":
            yield kept(view)
        else:
            yield broken(view, expected="retryable: true and backoffStrategy: exponential", received=f"{found}")


@judge("errors.no-server-error")
def content_does_not_break_the_wos(history: History) -> Occasions:
    """No request content makes a WOS stumble."""
    for view in served(history):
        if view.status is not None and view.status >= 500 and view.status not in _UNWANTED:
            yield broken(view, expected="a status below 500", received=told(view))
        else:
            yield kept(view)


@judge("errors.no-internals")
def answer_holds_no_trace(history: History) -> Occasions:
    """An error does not tell how the WOS is built."""
    for view in _errors(history):
        found = next(filter(None, map(_TRACES.search, _texts(view))), None)
        if found is not None:
            yield broken(view, expected="no trace of a program or a query", received=found[0][:100])
        else:
            yield kept(view)


def _texts(view: ExchangeView) -> Iterator[str]:
    """A body as text, and all texts in it when it is JSON."""
    yield (view.content or b"")[:_SEARCHED].decode("utf-8", "replace")
    try:
        yield from (part[:_SEARCHED] for _, part in walk(view.json()) if isinstance(part, str))
    except ValueError:
        return


@judge("errors.media-type-415")
def other_media_type_is_refused(history: History) -> Occasions:
    """A body that would be accepted as JSON comes as something else."""
    for view, model in replay(history, answered(history)):
        if is_beyond(view, history):
            continue
        found = media_type(view.request_header("content-type"))
        if found in (None, "application/json") or not _would_be_accepted(view, model):
            continue
        if view.status == 415:
            yield kept(view)
        else:
            yield broken(view, expected=f"status 415, because of Content-Type: {found}", received=told(view))


def _would_be_accepted(view: ExchangeView, model: Model) -> bool:
    """Whether nothing but its content type can speak against a request."""
    try:
        value = view.request_json()
    except ValueError:
        return False
    specification = Specification.load()
    if view.operation == "capabilities-put":
        right = specification.is_valid("device-capabilities", value)
        return right and bool(value["properties"]["id"] == view.parameters["deviceId"])
    if view.operation != "status" or not specification.is_valid("deployment-status", value):
        return False
    known = model.of(view.client).components.get(value["deploymentId"], set())
    components = {part["name"] for part in value["components"]}
    return bool(value["deploymentId"] == view.parameters["deploymentId"]) and bool(known) and components <= known


@judge("errors.size-accepted")
def usual_size_is_accepted(history: History) -> Occasions:
    """A body of up to 256 KiB is not too large."""
    for view in answered(history):
        length = view.exchange.request.body.length if view.exchange.request.body else 0
        if 0 < length <= _LARGEST_BODY and view.status == 413:
            yield broken(view, expected="another status than 413", received=f"status 413 for {length} bytes")
        elif _LARGE_BODY <= length <= _LARGEST_BODY:
            yield kept(view)


@judge("errors.method-405")
def wrong_method_is_not_allowed(history: History) -> Occasions:
    """A known path says which methods it has."""
    for view in served(history):
        for pattern, methods in _METHODS:
            if pattern.fullmatch(view.path) and view.method in _JUDGED_METHODS - methods:
                yield _not_allowed(view, methods)


def _not_allowed(view: ExchangeView, methods: set[str]) -> Judgement:
    allowed = {name.strip() for name in (view.header("allow") or "").split(",")}
    expected = f"status 405 with Allow: {', '.join(sorted(methods))}"
    if view.status != 405:
        return broken(view, expected=expected, received=told(view))
    if not methods <= allowed:
        return broken(view, expected=expected, received=f"status 405 with Allow: {view.header('allow')!r}")
    return kept(view)
