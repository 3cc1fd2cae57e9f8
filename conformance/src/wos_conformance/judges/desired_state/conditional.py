"""What a WOS makes of `If-None-Match` (desired-state.md, "Entity tags and caching")."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from wos_conformance.history import ExchangeView, History
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.model import replay
from wos_conformance.judges.reading import entity_tags, served


@dataclass
class _Known:
    """The tag of the manifest that a client was served last, and how many changes there were by then."""

    tag: str
    changes: int


@dataclass
class _Tags:
    """The tag that each client was given last, as far as nothing has changed since."""

    by_client: dict[str, _Known] = field(default_factory=dict)

    def current(self, client: str, changes: int) -> str | None:
        """The tag of the current manifest, if that is known."""
        known = self.by_client.get(client)
        return known.tag if known and known.changes == changes else None


def _conditional(history: History) -> Iterator[tuple[ExchangeView, set[str], str | None]]:
    """Conditional polls with the tags that they hold and the tag of the current manifest, if it is known."""
    known = _Tags()
    for view, model in replay(history, served(history, "manifest")):
        changes = model.of(view.client).changes
        value = view.request_header("if-none-match")
        if value is not None and view.status in (200, 304):
            yield view, entity_tags(value), known.current(view.client, changes)
        if view.status == 200 and (tag := view.header("etag")):
            known.by_client[view.client] = _Known(tag, changes)


@judge("desired-state.not-modified")
def current_tag_is_not_modified(history: History) -> Occasions:
    """A poll with the current tag is answered 304 without a body."""
    for view, tags, current in _conditional(history):
        holds = "*" in tags or (view.status == 200 and view.header("etag") in tags) or current in tags
        if not holds:
            continue
        if view.status == 304 and view.exchange.response is not None and view.exchange.response.body is None:
            yield kept(view)
        elif view.status == 304 or view.header("etag") in tags or "*" in tags:
            received = f"status {view.status} with {len(view.body)} bytes"
            yield broken(view, did=_polled(view), expected="status 304 and no body", received=received)


@judge("desired-state.modified-served")
def other_tag_is_served(history: History) -> Occasions:
    """A poll that does not hold the current tag is answered with the manifest."""
    for view, tags, current in _conditional(history):
        if "*" in tags or current in tags or (current is None and (tags or view.status == 200)):
            continue
        if view.status == 200:
            yield kept(view)
        else:
            expected = f"status 200, because the current tag {current} is not held" if current else "status 200"
            yield broken(view, did=_polled(view), expected=expected, received=f"status {view.status}")


@judge("desired-state.not-modified-tag")
def not_modified_comes_with_the_tag(history: History) -> Occasions:
    """304 carries the tag that 200 would carry: of the current manifest, or the digest in the path."""
    known = _Tags()
    for view, model in replay(history, served(history)):
        changes = model.of(view.client).changes
        if view.operation == "manifest" and view.status == 200 and (tag := view.header("etag")):
            known.by_client[view.client] = _Known(tag, changes)
        if view.status != 304 or view.operation not in ("manifest", "document", "bundle"):
            continue
        expected = known.current(view.client, changes)
        if view.operation != "manifest":
            expected = f'"{view.parameters["digest"]}"'
        found = view.header("etag")
        if found is not None and found.startswith('"') and found == (expected or found):
            yield kept(view)
        else:
            yield broken(view, expected=f"ETag: {expected or 'the tag of the manifest'}", received=repr(found))


def _polled(view: ExchangeView) -> str:
    return f"polled with If-None-Match: {view.request_header('if-none-match')}"
