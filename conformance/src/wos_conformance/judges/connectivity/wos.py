"""How a WOS answers (connectivity.md)."""

from collections.abc import Iterator

from wos_conformance.history import Closed, Control, ExchangeView, History
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.reading import answered, media_type, problem_type

_IDLE = 10.0
"""Seconds after which nobody wonders that an idle connection was closed."""
_BUSY = (429, 503)
_DISTURBANCES = ("restart", "retire", "rotate_trust")


@judge("connectivity.wos-http-version")
def wos_answers_in_http_1_1(history: History) -> Occasions:
    """An HTTP/1.1 request has an HTTP/1.1 response."""
    for view in history.exchanges():
        if view.status is None or view.request_version != "HTTP/1.1":
            continue
        if view.response_version == "HTTP/1.1":
            yield kept(view)
        else:
            yield broken(view, expected="HTTP/1.1", received=repr(view.response_version))


@judge("connectivity.keeps-connection")
def connection_is_used_again(history: History) -> Occasions:
    """After a good answer the connection stays open for the next request.

    One that was closed unannounced counts when the next one was too: a single one may have broken on its way.
    """
    ends = {event.connection: event for event in history.of(Closed) if event.reason != "closed by us"}
    broke = {view.connection for view in history.exchanges() if view.broke}
    in_doubt = False
    for connection, known in _connections(history).items():
        last, end = known[-1], ends.get(connection)
        if len(known) > 1:
            in_doubt = False
            yield kept(known[1])
        elif (last.status or 500) < 400 and end and connection not in broke and _is_early(history, last, end):
            if in_doubt or "close" in (last.header("connection") or "").lower():
                yield broken(last, expected="a connection that stays open", received="a connection that was closed")
            in_doubt = True


def _connections(history: History) -> dict[str, list[ExchangeView]]:
    """What was answered on each connection, in the order of the first answers."""
    found: dict[str, list[ExchangeView]] = {}
    for view in answered(history):
        found.setdefault(view.connection, []).append(view)
    return found


def _is_early(history: History, last: ExchangeView, end: Closed) -> bool:
    """Whether the WOS closed soon after an answer, and nothing but its own will was the reason."""
    disturbed = any(
        last.started <= control.ended and control.started <= end.at
        for verb in _DISTURBANCES
        for control in history.controls(verb)
    )
    asked_for = "close" in (last.request_header("connection") or "").lower()
    return not disturbed and not asked_for and end.at - last.ended < _IDLE


_Answer = tuple[int | None, str | None, str | None, str | None]


@judge("connectivity.answers-in-order")
def answers_come_in_order(history: History) -> Occasions:
    """A request that came close behind another, or behind a body that was refused, is answered as it was alone."""
    for view, alone in _crowded(history):
        has_ended = view.broke or view.failure == "alert"
        found = _words(_answer(view)) if view.failure is None else view.failure
        if has_ended or found == _words(alone):
            yield kept(view)
        else:
            yield broken(view, expected=f"{_words(alone)}, or the end of the connection", received=found)


def _crowded(history: History) -> Iterator[tuple[ExchangeView, _Answer]]:
    """Questions in company, each with the last answer that the same one had alone, if nothing has changed since."""
    alone: dict[str, dict[str, _Answer]] = {}
    views = {view.seq: view for view in history.exchanges()}
    company = _in_company(history)
    for event in history.events:
        if isinstance(event, Control) and event.verb != "view":
            alone.clear()
        elif (view := views.get(event.seq)) is not None and not history.fault_over(view):
            known = alone.setdefault(view.client, {})
            if view.method != "GET":
                known.clear() if (view.status or 0) < 400 else None
            elif view.seq not in company and view.complete and view.status not in _BUSY:
                known[view.exchange.request.head] = _answer(view)
            elif view.seq in company and view.exchange.request.head in known and view.status not in _BUSY:
                yield view, known[view.exchange.request.head]


def _in_company(history: History) -> set[int]:
    """Exchanges that overlap another on their connection, or follow a body that was refused there."""
    last: dict[str, ExchangeView] = {}
    found: set[int] = set()
    for view in history.exchanges():
        before = last.get(view.connection)
        if before is not None and view.started < before.ended:
            found |= {before.seq, view.seq}
        elif before is not None and before.exchange.request.body and (before.status or 0) >= 400:
            found.add(view.seq)
        last[view.connection] = view
    return found


def _answer(view: ExchangeView) -> _Answer:
    """What two answers to one question have in common."""
    tag = view.header("etag") if view.operation in ("document", "bundle") else None
    return view.status, media_type(view.header("content-type")), problem_type(view), tag


def _words(answer: _Answer) -> str:
    status, kind, problem, tag = answer
    return " ".join(filter(None, [f"status {status}", kind and f"with {kind}", problem, tag]))
