"""Whether a WOS looks again: at a resumed session, at an open connection, at headers (identity.md)."""

import base64
import binascii
from collections.abc import Iterator

from wos_conformance.history import Closed, Connection, ExchangeView, History
from wos_conformance.judges.identity.wos import is_refused, uri_names
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.model import replay
from wos_conformance.judges.reading import told

_SHORT_LIVED = "expires-soon"


class _Visits:
    """The connections with SVIDs that expire in the middle, and what became of them."""

    def __init__(self, history: History) -> None:
        self.asked: dict[str, list[ExchangeView]] = {}
        for view in history.exchanges():
            self.asked.setdefault(view.connection, []).append(view)
        self.connections = [c for c in history.of(Connection) if c.credential.flaw == _SHORT_LIVED]
        self.closed = {event.connection: event for event in history.of(Closed)}

    def expired_since(self, spiffe_id: str | None) -> int | None:
        """The event from which on full handshakes with this SVID were seen to be refused; None when they never were."""
        refused: int | None = None
        for connection in self.connections:
            if connection.credential.spiffe_id != spiffe_id or connection.session:
                continue
            views = self.asked.get(connection.connection, [])
            if views and not all(map(is_refused, views)):
                refused = None
            elif views or connection.outcome == "handshake-failed":
                refused = refused if refused is not None else connection.seq
        return refused


@judge("identity.resumption-not-longer")
def resumed_session_is_looked_at(history: History) -> Occasions:
    """Who would be refused in a full handshake is refused with a resumed session, too."""
    visits = _Visits(history)
    for connection in visits.connections:
        since = visits.expired_since(connection.credential.spiffe_id)
        if not connection.session or since is None or connection.seq < since:
            continue
        views = visits.asked.get(connection.connection, [])
        if connection.outcome == "handshake-failed":
            yield kept(connection)
        yield from _refusals(views, "resumed a session with an SVID that has expired")


@judge("identity.expired-while-connected")
def open_connection_is_looked_at(history: History) -> Occasions:
    """A connection that was opened with a good SVID does not outlive it."""
    visits = _Visits(history)
    for connection in visits.connections:
        since = visits.expired_since(connection.credential.spiffe_id)
        views = visits.asked.get(connection.connection, [])
        if since is None or connection.seq > since or not views or views[0].status != 200:
            continue
        late = [view for view in views if view.seq > since]
        end = visits.closed.get(connection.connection)
        if not late and end is not None and end.seq > since and end.reason != "closed by us":
            yield kept(end)
        yield from _refusals(late, "went on after the SVID of the connection had expired")


def _refusals(views: list[ExchangeView], did: str) -> Occasions:
    for view in views:
        if is_refused(view):
            yield kept(view)
        elif view.status is not None:
            yield broken(view, did=did, expected="no answer, or status 401 or 403", received=told(view))


def _forged(history: History) -> Iterator[ExchangeView]:
    """Requests with a certificate in a header; the header names somebody else than the connection does."""
    for view in history.exchanges("manifest"):
        value = view.request_header("client-cert")
        if value is not None and view.client not in _names_in(value):
            yield view


def _names_in(value: str) -> list[str]:
    try:
        return uri_names(base64.b64decode(value.strip(" :"))) or []
    except binascii.Error:
        return []


@judge("identity.forged-header-ignored")
def header_names_nobody(history: History) -> Occasions:
    """Whatever certificate a header holds, the answer is for the one in the handshake."""
    forged = {view.seq for view in _forged(history)}
    tags: dict[str, tuple[int, str | None]] = {}
    for view, model in replay(history, history.exchanges("manifest")):
        changes = model.of(view.client).changes
        if view.seq not in forged:
            if view.status == 200:
                tags[view.client] = changes, view.header("etag")
            continue
        credential = history.credential(view.connection)
        if credential is not None and credential.flaw == "none":
            yield from _refusals([view], "asked without a certificate, but with one in a header")
        elif view.client in tags and credential is not None and credential.flaw is None:
            yield from _unmoved(view, tags[view.client], changes)


def _unmoved(view: ExchangeView, known: tuple[int, str | None], changes: int) -> Occasions:
    did = "asked for the manifest with the certificate of another client in a header"
    same = known[0] == changes and view.header("etag") == known[1]
    if view.status == 304 or (view.status == 200 and same):
        yield kept(view)
    elif view.status == 200 and known[0] == changes:
        received = f"another manifest, with ETag: {view.header('etag')}"
        yield broken(view, did=did, expected=f"the manifest with ETag: {known[1]}", received=received)
    elif is_refused(view):
        yield broken(view, did=did, expected="status 200, as without the header", received=told(view))
