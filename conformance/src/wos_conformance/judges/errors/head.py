"""What a WOS does with a long head (errors.md)."""

from collections.abc import Iterator

from wos_conformance.history import Connection, Control, ExchangeView, History
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.reading import told

_LONG, _LONGEST = 4096, 8192
_SERVED, _TOO_LONG, _BUSY = (200, 304), (400, 414, 431), (429, 503)


def _polls(history: History) -> Iterator[tuple[ExchangeView, int]]:
    """Polls of good peers under no fault, each with the length of its head."""
    for view in history.exchanges("manifest"):
        if _is_good(history, view.connection) and view.status not in _BUSY and not history.fault_over(view):
            yield view, len(view.exchange.request.head)


def _is_good(history: History, connection: str) -> bool:
    credential = history.credential(connection)
    return credential is None or credential.flaw is None


@judge("errors.head-accepted")
def usual_head_is_accepted(history: History) -> Occasions:
    """A head of up to 8 KiB is not too long."""
    for view, length in _polls(history):
        if not _LONG < length <= _LONGEST:
            continue
        if view.turned_away or view.status in _TOO_LONG:
            received = told(view) if view.status else "the end of the connection"
            yield broken(view, expected="another answer", received=f"{received} for a head of {length} bytes")
        elif view.status in _SERVED:
            yield kept(view)


@judge("errors.long-head-answered")
def long_head_is_served_or_refused(history: History) -> Occasions:
    """A longer head is served, or refused as too long, or ends the connection."""
    for view, length in _polls(history):
        if length <= _LONGEST or (view.broke and not view.turned_away):
            continue
        if view.turned_away or (view.complete and view.status in _SERVED + _TOO_LONG):
            yield kept(view)
        else:
            expected = "status 200, 400, 414 or 431, or the end of the connection"
            received = told(view) if view.complete else view.failure or "no whole answer"
            yield broken(view, expected=expected, received=f"{received} for a head of {length} bytes")


@judge("errors.long-head-survived")
def long_head_is_survived(history: History) -> Occasions:
    """Whoever has sent a long head is served on the next connection."""
    long = {view.seq for view, length in _polls(history) if length > _LONGEST}
    moments: list[ExchangeView | Connection | Control] = [
        *history.exchanges(),
        *history.of(Connection),
        *history.of(Control),
    ]
    left: dict[str, ExchangeView] = {}
    for moment in sorted(moments, key=lambda found: found.seq):
        if isinstance(moment, Control):
            left.clear() if moment.verb != "view" else None
        elif isinstance(moment, ExchangeView) and moment.seq in long:
            left[moment.client] = moment
        elif (before := left.get(_client(moment))) and (found := _fate(history, moment, before)):
            left.pop(before.client)
            yield found


def _client(moment: Connection | ExchangeView) -> str:
    return moment.client if isinstance(moment, ExchangeView) else moment.credential.spiffe_id or ""


def _fate(history: History, moment: Connection | ExchangeView, before: ExchangeView) -> Judgement | None:
    """What it says of the service after a long head, if anything; a connection that broke once does not."""
    if moment.connection == before.connection or not _is_good(history, moment.connection):
        return None
    expected = f"service after the long head of event {before.seq}"
    if isinstance(moment, Connection):
        is_dead = moment.outcome in ("refused", "timeout")
        return broken(moment, did="dialled again", expected=expected, received=moment.outcome) if is_dead else None
    if moment.status is None:
        is_silent = moment.turned_away or moment.failure == "timeout"
        return broken(moment, expected=expected, received="no answer") if is_silent else None
    if moment.status in _BUSY:
        return None
    return kept(moment) if moment.status < 500 else broken(moment, expected=expected, received=told(moment))
