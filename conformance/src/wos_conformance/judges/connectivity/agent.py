"""How an agent calls, and how it waits (connectivity.md)."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from functools import lru_cache
from itertools import zip_longest

from wos_conformance.history import Connection, ExchangeView, Fault, History
from wos_conformance.judges.device import Device, devices
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.unchanged import keeps_running

_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)")
_DAY = 24 * 60 * 60
_ROUNDING = 0.02
"""Seconds by which two clocks of one machine may seem to differ."""
_USABLE = (None, "hurry", "unconditional")
"""Names of answers with a manifest that every agent can read, whether it adopts that or not."""


@judge("connectivity.agent-http-version")
def agent_asks_in_http_1_1(history: History) -> Occasions:
    """Requests are HTTP/1.1."""
    for view in history.exchanges():
        if view.request_version == "HTTP/1.1":
            yield kept(view)
        else:
            yield broken(view, expected="HTTP/1.1", received=repr(view.request_version))


def _declared(history: History, *names: str) -> float:
    return sum(history.header.declared.get(name, 0.0) for name in names)


def _pairs(device: Device) -> Iterator[tuple[ExchangeView, ExchangeView | None]]:
    polls = device.asked("manifest")
    yield from zip_longest(polls, polls[1:])


def _awaited(
    history: History, device: Device, view: ExchangeView, following: ExchangeView | None, bound: float
) -> Iterator[float]:
    """The bound's end, if it can be said whether a poll came in time: the agent ran, and the WOS was itself."""
    end = view.ended + bound
    until = min(end, following.started) if following else end
    if (
        device.has_windows_at(view.ended)
        or device.runs_until(view.ended) < until
        or _showed_a_flaw(history, view.ended, until)
    ):
        return
    if following is None and history.events[-1].at < end:
        return
    yield end


def _showed_a_flaw(history: History, since: float, until: float) -> bool:
    """Whether the WOS showed a flawed certificate in this span."""
    moments = _flawed_moments(history)
    at = bisect_left(moments, since)
    return at < len(moments) and moments[at] <= until


@lru_cache(maxsize=4)
def _flawed_moments(history: History) -> list[float]:
    flawed = (c for c in history.of(Connection) if c.credential.flaw and c.credential.name != "identity-double")
    return sorted(connection.at for connection in flawed)


def _is_good(view: ExchangeView) -> bool:
    """Whether a request for the manifest was no failure, whatever the manifest was like; a lost answer is one."""
    return view.status in (200, 304) and not view.failure and not view.in_doubt


def _is_usable(view: ExchangeView) -> bool:
    return _is_good(view) and view.answered in _USABLE


@judge("connectivity.polls")
def agent_polls(history: History) -> Occasions:
    """After a good answer the next request comes in time."""
    interval = _declared(history, "poll_interval")
    bound = 3 * interval + _declared(history, "request_timeout")
    for device in devices(history):
        for view, following in _pairs(device):
            if not _is_usable(view):
                continue
            for end in _awaited(history, device, view, following, bound):
                if not history.has_fault_between(view.ended, min(end, following.started if following else end)):
                    yield from _judged(view, following, end, bound)


@judge("connectivity.keeps-polling")
def agent_keeps_polling(history: History) -> Occasions:
    """After a bad answer the next request comes in time."""
    bound = 3 * _declared(history, "poll_interval") + _declared(history, "request_timeout", "max_backoff")
    for device in devices(history):
        for view, following in _pairs(device):
            if _is_good(view):
                continue
            patience = bound + (pause_of(view) or 0.0)
            for end in _awaited(history, device, view, following, patience):
                if not history.has_break_between(view.ended, min(end, following.started if following else end)):
                    yield from _judged(view, following, end, patience)


def _judged(view: ExchangeView, following: ExchangeView | None, end: float, bound: float) -> Occasions:
    if following is not None and following.started <= end + _ROUNDING:
        yield kept(following)
        return
    found = "none" if following is None else f"one after {following.started - view.ended:.1f} s"
    did = f"answered a request for the manifest with {view.status or view.failure}"
    yield broken(view, did=did, expected=f"the next request within {bound:.1f} s", received=found)


def pause_of(view: ExchangeView) -> float | None:
    """Seconds that `Retry-After` asks for; an HTTP date is taken relative to the `Date` of the answer."""
    value = view.header("retry-after")
    if value is None:
        return None
    if value.isdigit():
        return float(value)
    try:
        until, now = (parsedate_to_datetime(text) for text in (value, view.header("date") or ""))
    except ValueError:
        return None
    return max(0.0, (until - now).total_seconds() - 1.0)


@judge("connectivity.retry-after-respected")
def agent_waits_as_long_as_it_was_told(history: History) -> Occasions:
    """The same request does not come again too soon."""
    for device in devices(history):
        last: dict[tuple[str, str], ExchangeView] = {}
        for view in device.exchanges:
            key = (view.method, view.path)
            before = last.get(key)
            last[key] = view
            pause = pause_of(before) if before and before.status in (429, 503) and not before.in_doubt else None
            if before is None or pause is None or device.runs_until(before.ended) < view.started:
                continue
            waited = view.started - before.ended
            if waited >= pause - _ROUNDING:
                yield kept(view)
            else:
                did = f"answered {before.method} {before.path[:60]} with {before.status} and Retry-After: "
                did += str(before.header("retry-after"))
                yield broken(
                    view, did=did, expected=f"a pause of {pause:.1f} s", received=f"again after {waited:.2f} s"
                )


@judge("connectivity.not-faster")
def agent_asks_no_sooner_than_it_may(history: History) -> Occasions:
    """Between a good answer and the next request lies the poll interval."""
    interval = _declared(history, "poll_interval")
    for device in devices(history):
        for view, following in _pairs(device):
            if not _is_usable(view) or following is None or device.runs_until(view.ended) < following.started:
                continue
            waited = following.started - view.ended
            if waited >= interval - _ROUNDING:
                yield kept(following)
            else:
                did = f"answered a request for the manifest with {view.status}"
                expected, received = f"a pause of {interval:.2f} s", f"again after {waited:.3f} s"
                yield broken(following, did=did, expected=expected, received=received)


@judge("connectivity.back-off-grows")
def pauses_grow_with_the_row(history: History) -> Occasions:
    """After the n-th failure in a row the pause is at least half of what the row asks for."""
    interval, longest = _declared(history, "poll_interval"), _declared(history, "max_backoff")
    for device in devices(history):
        row, met_an_end = 0, _met_the_end_of_a_connection(device)
        for view, following in _pairs(device):
            counts = view.seq not in met_an_end and not view.in_doubt
            if counts:
                row = row + 1 if not _is_good(view) and view.header("retry-after") is None else 0
            if view.in_doubt or following is None or device.runs_until(view.ended) < following.started:
                row = 0
            elif counts and row and following.started >= view.ended and not view.was_left:
                yield _paused(view, following, row, min(interval * 2 ** (row - 1), longest) / 2)


def _met_the_end_of_a_connection(device: Device) -> set[int]:
    """Events of requests without an answer on a connection that had brought one before: they may come again at once."""
    used: set[str] = set()
    met: set[int] = set()
    for view in device.exchanges:
        if view.status is not None:
            used.add(view.connection)
        elif view.connection in used and view.failure != "stalled":
            met.add(view.seq)
    return met


def _paused(view: ExchangeView, following: ExchangeView, row: int, least: float) -> Judgement:
    waited = following.started - view.ended
    if waited >= least - _ROUNDING:
        return kept(following)
    did = f"failed a request for the manifest for the {row}. time in a row"
    return broken(following, did=did, expected=f"a pause of {least:.2f} s", received=f"again after {waited:.3f} s")


@judge("connectivity.silence-keeps-running")
def silence_changes_nothing(history: History) -> Occasions:
    """What ran goes on while the WOS is away, and while it is not recognised."""
    for device in devices(history):
        for begin, end in _spans(history, "away", "unrecognised"):
            did = "was away" if begin.name == "away" else "showed a certificate that is not that of the WOS"
            yield from keeps_running(device, begin.seq, end.seq, did)


def _spans(history: History, *names: str) -> Iterator[tuple[Fault, Fault]]:
    begun: dict[str, Fault] = {}
    for fault in history.of(Fault):
        if fault.name in names and fault.phase == "begin":
            begun[fault.name] = fault
        elif fault.name in names:
            yield begun.pop(fault.name), fault


def _second_of_day(text: str | None) -> int | None:
    """The second of the day in UTC that an HTTP date or `HH:MM:SS` names."""
    found = _TIME.search(text or "")
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3]) if found else None


def _window_of(second: int, windows: list[dict[str, str]]) -> int | None:
    """The number of the window that holds a second, the one before it included; None when it is outside of all."""
    for number, window in enumerate(windows):
        begin, end = _second_of_day(window["from"]) or 0, _second_of_day(window["to"]) or 0
        length, into = (end - begin) % _DAY, (second - begin + 1) % _DAY
        if into <= length + 1:
            return number
    return None


@judge("connectivity.poll-window")
def agent_is_silent_outside_its_windows(history: History) -> Occasions:
    """No request is answered at a second outside of all windows; silence counts when a later window was used."""
    for device in devices(history):
        for start in device.starts:
            windows, until = start.request.get("pollWindows") or [], device.runs_until(start.started)
            seen: set[int] = set()
            for view in device.exchanges if windows else ():
                second = _second_of_day(view.header("date"))
                if second is None or not start.started <= view.started < until:
                    continue
                number = _window_of(second, windows)
                if number is None:
                    received = f"a request answered at {view.header('date')}"
                    yield broken(view, did=f"started with the windows {windows}", expected="silence", received=received)
                elif seen and number not in seen:
                    yield kept(view)
                seen |= {number} if number is not None else set()
