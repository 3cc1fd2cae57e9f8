"""How a WOS answers (connectivity.md)."""

from wos_conformance.history import Closed, ExchangeView, History
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.reading import answered

_IDLE = 10.0
"""Seconds after which nobody wonders that an idle connection was closed."""
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
