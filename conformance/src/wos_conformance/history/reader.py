"""Reads a history and looks at it: the chain is verified first, then judges get cheap, indexed views."""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Self, TypeVar

import msgspec

from wos_conformance.history.event import (
    FIRST_PREV,
    SEQ_OF_WORKER,
    AnyEvent,
    Body,
    Closed,
    Connection,
    Control,
    Credential,
    Document,
    Event,
    Exchange,
    Fault,
    Footer,
    Header,
    Publication,
    decode,
)
from wos_conformance.history.view import ExchangeView

E = TypeVar("E", bound=Event)
HISTORY = "history.ndjson"
BLOBS = "blobs"


def file_of(worker: int) -> str:
    """The name of the file in which a worker writes what happens to it."""
    return f"history-{worker}.ndjson" if worker else HISTORY


class HistoryDamaged(Exception):
    """The evidence is not as it was written; the text names the file and the place."""


class HistoryCut(HistoryDamaged):
    """The run ended without its footer."""


class History:
    """The events of a run, or of a part of it, with the stored bodies."""

    def __init__(self, events: Sequence[AnyEvent], blobs: Mapping[str, bytes], header: Header | None = None) -> None:
        self.events = events
        self.blobs = blobs
        self._header = header

    @classmethod
    def read(cls, folder: Path, *, allow_cut: bool = False) -> Self:
        """Verify a run folder and read it.

        Raises:
            HistoryDamaged: a line, a blob or the chain is not as it was written.
            HistoryCut: the footer is missing, and that is not allowed.
        """
        events, head = _read_events(folder / HISTORY)
        footer = events[-1]
        heads: list[str | None] = list(footer.others) if isinstance(footer, Footer) else [None] * _others(folder)
        for worker, named in enumerate(heads, 1):
            events += _read_part(folder / file_of(worker), worker, events[0], named)
        if surplus := _others(folder) - len(heads):
            raise HistoryDamaged(f"{HISTORY} does not name {surplus} of the files that lie beside it")
        history = cls(events, _read_blobs(folder / BLOBS, events))
        if not all(isinstance(footer, Footer) for footer in history.ends) and not allow_cut:
            raise HistoryCut("a part of the history ends without a footer; the run was cut")
        history.__dict__["head"] = head
        return history

    @cached_property
    def header(self) -> Header:
        """The first event of the run."""
        first = self._header or self.events[0]
        assert isinstance(first, Header)
        return first

    @cached_property
    def head(self) -> str:
        """SHA-256 of the last line; it stands for the whole chain."""
        from wos_conformance.history.event import encode

        return hashlib.sha256(encode(self.ends[0])).hexdigest()

    @cached_property
    def parts(self) -> Sequence["History"]:
        """What each worker did, as a history of its own: what happens to others at the same time is not its affair."""
        if not self.events or self.events[-1].seq - self.events[0].seq < len(self.events):
            return [self]
        numbers = sorted({event.seq // SEQ_OF_WORKER for event in self.events})
        return [self.slice(n * SEQ_OF_WORKER, (n + 1) * SEQ_OF_WORKER - 1) for n in numbers]

    @property
    def ends(self) -> Sequence[AnyEvent]:
        """The last event of each worker; the footer, unless it was cut."""
        return [part.events[-1] for part in self.parts]

    @cached_property
    def _seqs(self) -> list[int]:
        return [event.seq for event in self.events]

    @cached_property
    def _by_type(self) -> dict[type, list[AnyEvent]]:
        sorted_out: dict[type, list[AnyEvent]] = {}
        for event in self.events:
            sorted_out.setdefault(type(event), []).append(event)
        return sorted_out

    def of(self, kind: type[E]) -> Sequence[E]:
        """All events of a kind, in order."""
        return self._by_type.get(kind, [])  # type: ignore[return-value]

    def event(self, seq: int) -> AnyEvent:
        """The event of this number.

        Raises:
            KeyError: it is not in this part of the history.
        """
        at = bisect_left(self._seqs, seq)
        if at == len(self.events) or self.events[at].seq != seq:
            raise KeyError(seq)
        return self.events[at]

    def body(self, body: Body | None) -> bytes:
        """The stored bytes of a body; empty when there is none."""
        return self.blobs[body.blob] if body else b""

    def slice(self, first: int, last: int | None = None) -> "History":
        """The events from one number to another, both included."""
        until = len(self.events) if last is None else bisect_right(self._seqs, last)
        return self.of_events(self.events[bisect_left(self._seqs, first) : until])

    def of_events(self, events: Sequence[AnyEvent]) -> "History":
        """A part of this history with the same header and blobs."""
        return History(events, self.blobs, self.header)

    @cached_property
    def _views(self) -> list[ExchangeView]:
        broke = {closed.connection for closed in self.of(Closed) if closed.is_break}
        last = {exchange.connection: exchange.seq for exchange in self.of(Exchange) if exchange.connection in broke}
        doubtful = set(last.values())
        return [ExchangeView(e, self.blobs, in_doubt=e.seq in doubtful) for e in self.of(Exchange)]

    def exchanges(
        self, operation: str | None = None, status: int | None = None, client: str | None = None
    ) -> Iterator[ExchangeView]:
        """Views of the exchanges in order, as far as they have this operation, status and client."""
        for view in self._views if operation is None else self._by_operation.get(operation, []):
            if (status is None or view.status == status) and (client is None or view.client == client):
                yield view

    @cached_property
    def _by_operation(self) -> dict[str, list[ExchangeView]]:
        sorted_out: dict[str, list[ExchangeView]] = {}
        for view in self._views:
            if view.operation:
                sorted_out.setdefault(view.operation, []).append(view)
        return sorted_out

    def controls(self, verb: str) -> Iterator[Control]:
        """The verbs of the test control that were done, in order."""
        return (control for control in self.of(Control) if control.verb == verb and control.outcome == "done")

    @cached_property
    def _credentials(self) -> dict[str, Credential]:
        return {connection.connection: connection.credential for connection in self.of(Connection)}

    def credential(self, connection: str) -> Credential | None:
        """What our side presented on a connection, if it is in this part of the history."""
        return self._credentials.get(connection)

    @cached_property
    def _fault_spans(self) -> list[tuple[Fault, float, float]]:
        open_faults: dict[tuple[str, str], Fault] = {}
        spans: list[tuple[Fault, float, float]] = []
        for fault in self.of(Fault):
            key = (fault.name, fault.subject)
            if fault.phase == "begin":
                open_faults[key] = fault
            elif begin := open_faults.pop(key, None):
                spans.append((begin, begin.at, fault.at))
        return spans + [(fault, fault.at, float("inf")) for fault in open_faults.values()]

    def has_fault_between(self, since: float, until: float) -> bool:
        """Whether any scripted fault was on, or a connection broke, at some moment of this span."""
        begins, latest = self._fault_reach
        begun = bisect_right(begins, until)
        is_on = begun > 0 and latest[begun - 1] >= since
        return is_on or self.has_break_between(since, until)

    @cached_property
    def _fault_reach(self) -> tuple[list[float], list[float]]:
        """When faults begin, in order, and up to when the ones begun by then last."""
        spans = sorted((begin, end) for _, begin, end in self._fault_spans)
        return [begin for begin, _ in spans], list(accumulate((end for _, end in spans), max))

    def has_break_between(self, since: float, until: float) -> bool:
        """Whether a connection broke in this span, so that what was asked on it may have got lost unseen."""
        at = bisect_left(self._breaks, since)
        return at < len(self._breaks) and self._breaks[at] <= until

    @cached_property
    def _breaks(self) -> list[float]:
        events: list[Connection | Closed] = [*self.of(Connection), *self.of(Closed)]
        return sorted(event.at for event in events if event.is_break or event.connection in self._unused)

    @cached_property
    def _unused(self) -> set[str]:
        """Connections of the target to a good peer on which no request has arrived: what was on its way is lost."""
        asked = {exchange.connection for exchange in self.of(Exchange)}
        closed = {closed.connection for closed in self.of(Closed)}
        opened = {c.connection for c in self.of(Connection) if c.by == "target" and c.credential.flaw is None}
        return (opened & closed) - asked

    def fault_spans(self, name: str) -> Iterator[tuple[float, float]]:
        """Beginning and end, in seconds since the run began, of each scripted fault of this name."""
        return ((begin, end) for fault, begin, end in self._fault_spans if fault.name == name)

    def fault_over(self, view: ExchangeView) -> Fault | None:
        """The scripted fault that an exchange fell into, if any."""
        for fault, begin, end in self._fault_spans_of.get(view.operation or "", []):
            if begin <= view.ended and view.started <= end:
                return fault
        return None

    @cached_property
    def _fault_spans_of(self) -> dict[str, list[tuple[Fault, float, float]]]:
        sorted_out: dict[str, list[tuple[Fault, float, float]]] = {}
        for span in self._fault_spans:
            sorted_out.setdefault(span[0].subject, []).append(span)
        return sorted_out


def _others(folder: Path) -> int:
    """How many workers beside the first have left a file."""
    return len(list(folder.glob(file_of(1).replace("1", "*"))))


def last_line(folder: Path, worker: int) -> tuple[Footer, str]:
    """The footer of a worker, and the SHA-256 digest of its line.

    Raises:
        HistoryCut: the worker has left none.
    """
    path = folder / file_of(worker)
    line = path.read_bytes().rstrip(b"\n").rpartition(b"\n")[2] if path.exists() else b""
    try:
        event = decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise HistoryCut(f"{path.name} ends without a footer; the run was cut") from error
    if not isinstance(event, Footer):
        raise HistoryCut(f"{path.name} ends without a footer; the run was cut")
    return event, hashlib.sha256(line).hexdigest()


def _read_part(path: Path, worker: int, header: AnyEvent, named: str | None) -> list[AnyEvent]:
    """What a further worker wrote, if it belongs to the run and ends as the footer of the first one says."""
    events, head = _read_events(path, worker * SEQ_OF_WORKER)
    first = events[0]
    if not isinstance(first, Header) or not isinstance(header, Header) or first.run != header.run:
        raise HistoryDamaged(f"{path.name} line 1: expected the run of {HISTORY}, found another one")
    if named not in (None, head):
        raise HistoryDamaged(f"{path.name} does not end as {HISTORY} says: expected {named}, found {head}")
    return events


def _read_events(path: Path, first: int = 0) -> tuple[list[AnyEvent], str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HistoryDamaged(f"{path.name} cannot be read: {error.strerror}") from error
    lines = content.split(b"\n")
    if lines.pop() != b"":
        raise HistoryDamaged(f"{path.name} line {len(lines) + 1}: expected a line that ends, found it cut")
    events: list[AnyEvent] = []
    prev = FIRST_PREV
    for number, line in enumerate(lines):
        events.append(_verified(line, number, first, prev, path.name))
        prev = hashlib.sha256(line).hexdigest()
    if not events or not isinstance(events[0], Header):
        raise HistoryDamaged(f"{path.name} line 1: expected a header")
    return events, prev


def _verified(line: bytes, number: int, first: int, prev: str, name: str) -> AnyEvent:
    where = f"{name} line {number + 1}"
    try:
        event = decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise HistoryDamaged(f"{where}: expected an event, found something else ({error})") from error
    if event.seq != first + number:
        raise HistoryDamaged(f"{where}: expected event {first + number}, found {event.seq}")
    if event.prev != prev:
        raise HistoryDamaged(f"{where}: the line before it was changed (its digest is not the one that is named here)")
    return event


def _read_blobs(folder: Path, events: Iterable[AnyEvent]) -> dict[str, bytes]:
    blobs: dict[str, bytes] = {}
    for body in _bodies(events):
        if body.blob not in blobs:
            blobs[body.blob] = _read_blob(folder / body.blob)
        stored = blobs[body.blob]
        if len(stored) != body.stored or (body.stored == body.length and body.digest != f"sha256:{body.blob}"):
            raise HistoryDamaged(f"blobs/{body.blob}: expected the body that the history names, found another one")
    if surplus := {path.name for path in folder.iterdir()} - set(blobs):
        raise HistoryDamaged(f"blobs/{min(surplus)}: no event names it")
    return blobs


def _read_blob(path: Path) -> bytes:
    if not path.name.isalnum():
        raise HistoryDamaged(f"blobs/{path.name!r}: is no name of a blob")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HistoryDamaged(f"blobs/{path.name} cannot be read: {error.strerror}") from error
    if (found := hashlib.sha256(content).hexdigest()) != path.name:
        raise HistoryDamaged(f"blobs/{path.name}: expected content with this SHA-256, found {found}")
    return content


def _bodies(events: Iterable[AnyEvent]) -> Iterator[Body]:
    for event in events:
        candidates: list[Body | None] = []
        if isinstance(event, Exchange):
            candidates = [event.request.body, event.response.body if event.response else None]
        elif isinstance(event, Connection):
            candidates = list(event.peer)
        elif isinstance(event, Publication):
            documents: Iterable[Document] = event.documents.values()
            candidates = [event.manifest, event.bundle, *(document.body for document in documents)]
        yield from (body for body in candidates if body is not None)
