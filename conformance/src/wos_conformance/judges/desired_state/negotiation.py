"""How a WOS chooses what it serves: media type and content coding (desired-state.md)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wos_conformance.history import ExchangeView, History
from wos_conformance.judges.desired_state.wos import MANIFEST_TYPE, digest_of
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.reading import served, told

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_WEIGHT = r"[ \t]*;[ \t]*[qQ]=(?P<weight>0(?:\.\d{0,3})?|1(?:\.0{0,3})?)"
_PARAMETERS = rf"(?P<parameters>(?:[ \t]*;[ \t]*(?![qQ]=){_TOKEN}=(?:{_TOKEN}|\"[^\"\\,]*\"))*)"
_RANGE = re.compile(rf"[ \t]*(?P<kind>{_TOKEN}/{_TOKEN}){_PARAMETERS}(?:{_WEIGHT})?[ \t]*")
_CODING = re.compile(rf"[ \t]*(?P<name>{_TOKEN})(?:{_WEIGHT})?[ \t]*")
_FITTING = ("*/*", "application/*", MANIFEST_TYPE)
"""The ranges that fit the media type of a manifest, the most specific one last."""
_ARTIFACTS = ("manifest", "document", "bundle")


@dataclass(frozen=True)
class _Wish:
    """What `Accept` says of the manifest: whether a range fits it, and the quality of the most specific one."""

    fits: bool
    quality: float = 0.0


def _wish(accept: str) -> _Wish | None:
    """What a header allows; None when it is not as RFC 9110 says, or says two things."""
    found: dict[str, float] = {}
    for part in accept.split(","):
        matched = _RANGE.fullmatch(part)
        if matched is None:
            return None
        kind, weight = matched["kind"].lower(), float(matched["weight"] or 1)
        if matched["parameters"]:
            continue
        if found.setdefault(kind, weight) != weight:
            return None
    fitting = [found[kind] for kind in _FITTING if kind in found]
    return _Wish(True, fitting[-1]) if fitting else _Wish(False)


def _asked(history: History) -> Iterator[tuple[ExchangeView, _Wish]]:
    for view in served(history, "manifest"):
        accept = view.request_header("accept")
        if accept is not None and (wish := _wish(accept)) is not None:
            yield view, wish


@judge("desired-state.accept-absent")
def manifest_is_served_without_accept(history: History) -> Occasions:
    """Without `Accept` the manifest is served."""
    for view in served(history, "manifest"):
        if view.request_header("accept") is not None:
            continue
        yield kept(view) if view.status in (200, 304) else broken(view, expected="status 200", received=told(view))


@judge("desired-state.accept-range-served")
def manifest_is_served_in_a_fitting_range(history: History) -> Occasions:
    """The most specific range that fits decides, and here it says yes."""
    for view, wish in _asked(history):
        if wish.quality > 0:
            yield _expected(view, (200, 304))


@judge("desired-state.accept-unsupported")
def other_media_types_are_not_served(history: History) -> Occasions:
    """When only other types are allowed, the answer is 406."""
    for view, wish in _asked(history):
        if not wish.fits and not view.request_header("if-none-match"):
            yield _expected(view, (406,))


@judge("desired-state.accept-zero-refused")
def manifest_is_not_served_with_quality_0(history: History) -> Occasions:
    """The most specific range that fits decides, and here it says no."""
    for view, wish in _asked(history):
        if wish.fits and wish.quality == 0 and not view.request_header("if-none-match"):
            yield _expected(view, (406,))


def _expected(view: ExchangeView, statuses: tuple[int, ...]) -> Judgement:
    if view.status in statuses:
        return kept(view)
    did = f"asked for the manifest with Accept: {view.request_header('accept')}"
    return broken(view, did=did, expected=f"status {statuses[0]}", received=told(view))


def _codings(view: ExchangeView) -> list[str]:
    """The content codings of an answer, in lower case."""
    names = (part.strip().lower() for part in (view.header("content-encoding") or "").split(","))
    return [_plain(name) for name in names if name and name != "identity"]


def _plain(name: str) -> str:
    return name.removeprefix("x-") if name in ("x-gzip", "x-compress") else name


def _allowed(accept_encoding: str | None, read: Callable[[str], str] = _plain) -> dict[str, float] | None:
    """Quality by coding, as the request says; None when it is not as RFC 9110 says, or says two things.

    `read` makes one name of `gzip` and `x-gzip`, or leaves them two: RFC 9110 only recommends the former.
    """
    found: dict[str, float] = {}
    for part in (accept_encoding or "").split(","):
        matched = _CODING.fullmatch(part)
        if matched is None and part.strip():
            return None
        if matched is not None:
            weight = float(matched["weight"] or 1)
            if found.setdefault(read(matched["name"].lower()), weight) != weight:
                return None
    return found


def _surplus(codings: list[str], allowed: dict[str, float]) -> list[str]:
    """The codings that are not allowed."""
    return [name for name in codings if not allowed.get(name, allowed.get("*", 0))]


def _bodies(history: History) -> Iterator[ExchangeView]:
    for operation in _ARTIFACTS:
        yield from (view for view in served(history, operation) if view.status == 200)


@judge("desired-state.coding-accepted-only")
def body_has_only_codings_that_were_allowed(history: History) -> Occasions:
    """A request that names no coding allows none."""
    for view in _bodies(history):
        wished, codings = view.request_header("accept-encoding"), _codings(view)
        allowed, literally = _allowed(wished), _allowed(wished, str)
        if allowed is None or literally is None:
            continue
        if surplus := _surplus(codings, allowed):
            if not _surplus(codings, literally):
                continue
            expected = f"no coding that {wished!r} does not allow"
            yield broken(view, expected=expected, received=f"Content-Encoding: {surplus[0]}")
        else:
            yield kept(view)


@judge("desired-state.gzip-offered")
def manifest_is_served_in_gzip(history: History) -> Occasions:
    """Who asks for gzip gets it."""
    for view in served(history, "manifest"):
        if view.status != 200 or (view.request_header("accept-encoding") or "").strip().lower() != "gzip":
            continue
        if _codings(view) == ["gzip"]:
            yield kept(view)
        else:
            yield broken(view, expected="Content-Encoding: gzip", received=repr(view.header("content-encoding")))


@judge("desired-state.coding-digest")
def decoded_body_has_the_digest_in_its_tag(history: History) -> Occasions:
    """The tag belongs to the body without coding."""
    for view in _bodies(history):
        if not _codings(view) or not view.complete:
            continue
        if view.content is None:
            received = f"bytes that are no {view.header('content-encoding')}"
            yield broken(view, expected="a body in the coding that the answer names", received=received)
        elif view.header("etag") == (found := f'"{digest_of(view.content)}"'):
            yield kept(view)
        else:
            yield broken(view, expected=f"ETag: {found}", received=repr(view.header("etag")))


@judge("desired-state.coding-tag-unchanged")
def tag_is_the_same_in_every_coding(history: History) -> Occasions:
    """One body, with and without coding, has one strong tag."""
    coded: list[tuple[ExchangeView, tuple[str, str, bytes]]] = []
    plain: dict[tuple[str, str, bytes], str | None] = {}
    for view in _bodies(history):
        if view.content is None:
            continue
        key = (view.client, view.path, view.content)
        if _codings(view):
            coded.append((view, key))
        else:
            plain[key] = view.header("etag")
    for view, key in coded:
        if key not in plain:
            continue
        tag = view.header("etag")
        if tag == plain[key] and tag is not None and tag.startswith('"'):
            yield kept(view)
        else:
            yield broken(view, expected=f"ETag: {plain[key]}, as without coding", received=repr(tag))


@judge("desired-state.vary-sent")
def coded_answer_varies(history: History) -> Occasions:
    """A cache has to know that the coding was a matter of the request."""
    for view in history.exchanges():
        if view.status is None or view.failure or not _codings(view):
            continue
        names = {part.strip().lower() for part in (view.header("vary") or "").split(",")}
        if names & {"accept-encoding", "*"}:
            yield kept(view)
        else:
            yield broken(view, expected="Vary with Accept-Encoding", received=repr(view.header("vary")))
