"""A WOS publishes and waits: nothing but an order of its operator moves a manifest (boundary.md)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from wos_conformance.history import Connection, Control, Deadline, ExchangeView, History
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.reading import answered, entity_tags

_ORDERS = ("admit", "retire", "assign", "update", "withdraw", "set_version", "approve")
_SILENCE = 1.0
"""Seconds without a request that count as silence."""
_LOOK = ("manifest", "document", "bundle")
_DECOY = "decoy"


@dataclass
class _Window:
    """The time from one look at the manifest to the next, and what the client did in between."""

    tag: str
    named: int
    since: float
    last_request: float
    done: set[str] = field(default_factory=set)


def _windows(history: History) -> Iterator[tuple[ExchangeView, _Window, str]]:
    """Looks at a manifest that had deployments before, what happened since, and the tag that is current now."""
    orders = sorted((c for verb in _ORDERS for c in history.controls(verb)), key=lambda control: control.seq)
    owners = _owners(history)
    open_windows: dict[str, _Window] = {}
    position = 0
    for view in answered(history):
        while position < len(orders) and orders[position].started <= view.ended:
            open_windows.pop(_subject(orders[position], owners), None)
            position += 1
        if view.operation == "manifest":
            window = open_windows.get(view.client)
            tag = _current_tag(view, window)
            if window is not None and tag is not None and window.named:
                yield view, window, tag
            if tag is not None:
                open_windows[view.client] = _Window(tag, _count(view, window), view.ended, view.ended)
        elif (window := open_windows.get(view.client)) is not None:
            window.done.add(_deed(view))
            window.last_request = view.ended
        if view.operation == "capabilities-delete":
            open_windows.pop(view.client, None)


def _owners(history: History) -> dict[str, str]:
    return {
        str((c.response or {}).get("deploymentId")): str(c.request.get("spiffeId")) for c in history.controls("assign")
    }


def _subject(order: Control, owners: dict[str, str]) -> str:
    """The client whose desired state an order may change."""
    known = order.request.get("spiffeId")
    return str(known) if known else owners.get(str(order.request.get("deploymentId")), "")


def _current_tag(view: ExchangeView, window: _Window | None) -> str | None:
    if view.status == 200:
        return view.header("etag")
    held = entity_tags(view.request_header("if-none-match"))
    return window.tag if view.status == 304 and window is not None and window.tag in held else None


def _count(view: ExchangeView, window: _Window | None) -> int:
    if view.status != 200 and window is not None:
        return window.named
    try:
        return len(view.json()["deployments"])
    except (ValueError, TypeError, KeyError):
        return 0


def _deed(view: ExchangeView) -> str:
    if view.status in (200, 201) and view.operation == "capabilities-put":
        return "capabilities"
    if view.status in (200, 201) and view.operation == "status":
        return "report"
    return "look" if view.operation in _LOOK else "other"


def _unmoved(view: ExchangeView, window: _Window, tag: str, did: str) -> Judgement:
    if tag == window.tag:
        return kept(view)
    return broken(view, did=did, expected=f"the manifest with ETag: {window.tag}", received=f"ETag: {tag}")


def _after(deed: str, did: str) -> Callable[[History], Occasions]:
    def manifest_stays_as_it_is(history: History) -> Occasions:
        """What a client says about itself moves nothing."""
        for view, window, tag in _windows(history):
            if window.done - {"look"} == {deed}:
                yield _unmoved(view, window, tag, did)

    return manifest_stays_as_it_is


judge("boundary.capabilities-move-nothing")(_after("capabilities", "announced other capabilities, then asked again"))
judge("boundary.reports-move-nothing")(_after("report", "sent a report, then asked again"))


@judge("boundary.silence-moves-nothing")
def silence_moves_nothing(history: History) -> Occasions:
    """A client that was silent finds the manifest as it was."""
    for view, window, tag in _windows(history):
        silence = view.started - window.last_request
        if not window.done and silence >= _SILENCE:
            yield _unmoved(view, window, tag, f"was silent for {silence:.1f} s, then asked again")


@judge("boundary.wos-opens-no-connection")
def wos_dials_nobody(history: History) -> Occasions:
    """An address in a capabilities document is dialled by nobody, and the WOS goes on."""
    dials = [c for c in history.of(Connection) if c.by == "target" and c.credential.name == _DECOY]
    for dial in dials:
        did = "announced capabilities that hold an address"
        yield broken(dial, did=did, expected="no connection to that address", received="one was opened")
    alive = max((view.seq for view in answered(history)), default=-1)
    for deadline in history.of(Deadline):
        quiet = not any(deadline.subject < dial.seq < deadline.seq for dial in dials)
        if deadline.what == _DECOY and quiet and alive > deadline.seq:
            yield kept(deadline)
