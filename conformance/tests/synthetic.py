"""Histories made of stories: what happened among strangers, at another hour and in another order changes nothing."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

import visits
from life import DAYS
from story import DOMAIN
from tales import Tale
from wos_conformance.history import (
    Closed,
    Connection,
    Control,
    Exchange,
    Fault,
    Footer,
    Header,
    History,
    Mark,
    Message,
    Reset,
)
from wos_conformance.history.event import AnyEvent
from wos_conformance.judges.device import client_of

_CLIENT = re.compile(r"(/client/[A-Za-z0-9._-]+)")
_STATE = re.compile(r"(state-[a-z]+)")
_FAR = 1_000_000
_OF_ALL = ("restart", "rotate_trust", "set_version", "fault")
"""Verbs of the test control that change something for everybody."""


def happened(tale: Tale, *, sin: bool, seed: int = 7) -> History:
    """The story, with ids that the seed decides; an agent's deployments are those of the module that tells it."""
    visits.RANDOM.seed(seed)
    return tale.history(sin=sin)


def elsewhere(history: History, suffix: str) -> History:
    """The same between others: clients, storages and connections have other names."""
    return history.of_events([_renamed(event, suffix) for event in history.events])


def _renamed(event: AnyEvent, suffix: str) -> AnyEvent:
    if isinstance(event, Exchange):
        client, connection = _CLIENT.sub(rf"\1{suffix}", event.client), event.connection + suffix
        return msgspec.structs.replace(event, client=client, connection=connection)
    if isinstance(event, Connection):
        name = _CLIENT.sub(rf"\1{suffix}", event.credential.spiffe_id or "") or None
        credential = msgspec.structs.replace(event.credential, spiffe_id=name)
        return msgspec.structs.replace(event, connection=event.connection + suffix, credential=credential)
    if isinstance(event, Closed):
        return msgspec.structs.replace(event, connection=event.connection + suffix)
    if isinstance(event, Control):
        return msgspec.structs.replace(event, request=_request(event, suffix))
    if hasattr(event, "client"):
        return msgspec.structs.replace(event, client=_CLIENT.sub(rf"\1{suffix}", event.client))
    return event


def _request(control: Control, suffix: str) -> dict[str, Any]:
    text = msgspec.json.encode(control.request).decode()
    request: dict[str, Any] = msgspec.json.decode(_STATE.sub(rf"\1{suffix}", _CLIENT.sub(rf"\1{suffix}", text)))
    if "svidPem" in request:
        name = client_of(control).rpartition("/")[2]
        request["svidPem"] = DOMAIN.agent(name + suffix).chain_pem.decode()
    return request


def later(history: History, seconds: float) -> History:
    """The same, so many seconds later."""
    return history.of_events([_moved(event, seconds) for event in history.events])


def _moved(event: AnyEvent, seconds: float) -> AnyEvent:
    times = {name: getattr(event, name) + seconds for name in ("at", "started", "ended") if _is_time(event, name)}
    return msgspec.structs.replace(event, **times)


def _is_time(event: AnyEvent, name: str) -> bool:
    return isinstance(getattr(event, name, None), float)


def after(first: History, second: History) -> History:
    """One history, then the other; an agent is stopped in between."""
    end = max(event.at for event in first.events) + 1.0
    facts = {"verb": "stop", "request": {}, "response": {}, "outcome": "done", "started": end, "ended": end}
    stop = [Control(seq=len(first.events), at=end, prev="", **facts)] if first.header.role == "agent" else []
    return _merged(first, [*first.events, *stop], later(second, end + 1.0))


def beside(first: History, second: History, seconds: float) -> History:
    """Both histories at once, the second so many seconds later."""
    return _merged(first, first.events, later(second, seconds))


def concerns_everybody(history: History) -> bool:
    """Whether something in it would change what happens beside it."""
    verbs = {control.verb for control in history.of(Control)}
    return bool(history.of(Fault)) or not verbs.isdisjoint(_OF_ALL)


def _merged(first: History, events: Sequence[AnyEvent], second: History) -> History:
    far = [_renumbered(event, lambda seq: seq + _FAR) for event in second.events if not isinstance(event, Header)]
    merged = sorted([*events[1:], *far], key=lambda event: event.at)
    return History(_in_order([events[0], *merged]), {**first.blobs, **second.blobs})


def _in_order(events: Iterable[AnyEvent]) -> list[AnyEvent]:
    """The events with numbers from 0, and all that points to them."""
    listed = list(events)
    numbers = {event.seq: number for number, event in enumerate(listed)}
    return [_renumbered(event, numbers.__getitem__) for event in listed]


def _renumbered(event: AnyEvent, number: Any) -> AnyEvent:
    pointers = [name for name in ("seq", "subject", "twin", "repeats") if type(getattr(event, name, None)) is int]
    return msgspec.structs.replace(event, **{name: number(getattr(event, name)) for name in pointers})


def disturbed(history: History, places: Iterable[int]) -> History:
    """The same with events that concern no rule, each before the event of this number."""
    events = list(history.events)
    for count, place in enumerate(places):
        at = min(max(place, 1), len(events))
        events.insert(at, _passing(history.header.role, _FAR + count, events[at - 1].at))
    return History(_in_order(events), history.blobs)


def _passing(role: str, seq: int, at: float) -> AnyEvent:
    facts: dict[str, Any] = {"seq": seq, "at": at, "prev": ""}
    if seq % 3 == 0:
        return Mark(what="scenario", phase="begin", name="test_passing", **facts)
    if seq % 3 == 1 or role == "agent":
        return Reset(relay="path", number=1, passed=seq, **facts)
    request = Message("GET /elsewhere HTTP/1.1\r\nHost: wos\r\n\r\n")
    answer = Message("HTTP/1.1 204 No Content\r\n\r\n")
    times = {"started": at, "ended": at}
    return Exchange(connection="passing", client="spiffe://x/y", request=request, response=answer, **times, **facts)


def lived(history: History) -> History:
    """The same after an ordinary day between others, with the end of a run."""
    whole = after(elsewhere(DAYS[history.header.role](), "-alive"), history)
    at = whole.events[-1].at + 1.0
    footer = Footer(seq=len(whole.events), at=at, prev="", complete=True, scenarios=1)
    return History([history.header, *whole.events[1:], footer], whole.blobs)


def days(role: str, count: int) -> History:
    """So many ordinary days, each lived by somebody else."""
    day = DAYS[role]()
    whole = day
    for number in range(1, count):
        whole = after(whole, elsewhere(day, f"-{number}"))
    return whole
