"""How a WOS can misbehave in one answer: each script has a name and does one thing; chance comes from a seed."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from random import Random
from typing import NamedTuple

from wos_conformance.drive.answer import MANIFEST_TYPE, Answer, problem
from wos_conformance.drive.delivery import Delivery

Act = Callable[[Answer], Answer]


class Choice(NamedTuple):
    """What a script may depend on: chance, and the seconds after which an agent must have given up."""

    random: Random
    patience: float


Make = Callable[[Choice], Act]

_ELSEWHERE = "https://elsewhere.example"
_BOMB = 32 << 20
_HOUR = 3600

RETRY_AFTER = (
    *("seconds", "date", "contradicted"),
    *("past-date", "zero", "negative", "words", "twice", "member-only", "absent"),
)
"""Forms in which a refusal can say when to come again; in the first row the header is as HTTP knows and means it.

What is `contradicted` stands as seconds in the header, and in the member is an hour.
"""
TRANSIENT = (429, 500, 502, 503, 504)
_PERMANENT = (400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 501)


def refusing(status: int, seconds: int | None = None, form: str = "seconds") -> Act:
    """A script: answer with this status, and tell in one of the forms of `RETRY_AFTER` how long to wait."""

    def act(answer: Answer) -> Answer:
        told = None if seconds is None else _told(seconds, form)
        told_as_member = {"member-only": seconds, "contradicted": _HOUR}.get(form)
        members = {} if told_as_member is None else {"retryAfterSeconds": told_as_member}
        refusal = problem(status, None, told, members)
        if seconds is not None and form in ("absent", "member-only"):
            refusal = refusal.having("Retry-After", None)
        if form == "twice":
            refusal = replace(refusal, headers=(*refusal.headers, ("Retry-After", str(seconds))))
        return replace(refusal, operation=answer.operation)

    return act


def _contradicting(members: dict[str, object]) -> Make:
    """A refusal for a while, whose problem document says something else."""
    return _plain(lambda answer: replace(problem(503, None, None, members), operation=answer.operation))


def _told(seconds: int, form: str) -> str:
    now = datetime.now(UTC)
    dates = {"date": now + timedelta(seconds=seconds), "past-date": now - timedelta(hours=1)}
    texts = {"zero": "0", "negative": f"-{seconds}", "words": "in a moment"}
    return format_datetime(dates[form], usegmt=True) if form in dates else texts.get(form, str(seconds))


def _sent(answer: Answer, body: bytes, content_type: str | None = None) -> Answer:
    changed = replace(answer, status=200, body=body)
    return changed if content_type is None else changed.having("Content-Type", content_type)


def _delivered(**how: object) -> Make:
    return lambda choice: lambda answer: replace(answer, delivery=Delivery(**how))  # type: ignore[arg-type]


def _torn(ending: str) -> Make:
    """Ends at any byte before the last one."""

    def make(choice: Choice) -> Act:
        cut = choice.random.random()
        return lambda answer: replace(answer, delivery=Delivery(cut=cut, ending=ending))  # type: ignore[arg-type]

    return make


def _dripping(choice: Choice) -> Act:
    """Takes half as long again as anybody waits."""
    return lambda answer: replace(answer, delivery=Delivery(drip=1.5 * choice.patience, ending="close"))


def _altered(choice: Choice) -> Act:
    """One bit of the body is another one."""
    place, bit = choice.random.random(), 1 << choice.random.randrange(8)

    def act(answer: Answer) -> Answer:
        body = bytearray(answer.body)
        if body:
            body[int(place * len(body))] ^= bit
        return replace(answer, body=bytes(body))

    return act


def _coded_twice(answer: Answer) -> Answer:
    body = gzip.compress(gzip.compress(answer.body, mtime=0), mtime=0)
    return replace(answer, body=body, headers=(*answer.headers, *[("Content-Encoding", "gzip")] * 2))


def _coded(answer: Answer, body: bytes) -> Answer:
    return replace(answer, status=200, body=body).having("Content-Encoding", "gzip")


@lru_cache
def _bomb() -> bytes:
    return gzip.compress(bytes(_BOMB), mtime=0)


def _hurrying(answer: Answer) -> Answer:
    return answer.having("Retry-After", "0").having("Refresh", "0").having("Cache-Control", "max-age=0, private")


def _not_modified(answer: Answer) -> Answer:
    return replace(answer, status=304, body=b"").having("Content-Type", None)


def not_found(kind: str) -> Act:
    """A script: answer with 404 and this problem type."""
    return lambda answer: replace(problem(404, kind), operation=answer.operation)


def redirecting(target: str, status: int = 302) -> Act:
    """A script: answer with a redirect to this URL or path."""
    return lambda answer: Answer(answer.operation, status, (("Location", target),))


def _plain(act: Act) -> Make:
    return lambda choice: act


MISBEHAVIOURS: dict[str, Make] = {
    "reset": _delivered(cut=0.0, ending="reset"),
    "reset-midway": _torn("reset"),
    "truncated": _torn("close"),
    "stall": _delivered(cut=0.0, ending="silence"),
    "stall-midway": _torn("silence"),
    "drip": _dripping,
    "late": lambda choice: lambda answer: replace(answer, delivery=Delivery(drip=min(0.3, choice.patience / 4))),
    "hurry": _plain(_hurrying),
    "endless": _delivered(endless=True, ending="close"),
    "not-json": _plain(lambda answer: _sent(answer, b"{", MANIFEST_TYPE)),
    "wrong-media-type": _plain(lambda answer: _sent(answer, b"<p>Welcome</p>", "text/html")),
    "empty-body": _plain(lambda answer: _sent(answer, b"")),
    "altered": _altered,
    "deeply-nested": _plain(lambda answer: _sent(answer, b"[" * 200_000, MANIFEST_TYPE)),
    "coded-twice": _plain(_coded_twice),
    "coded-badly": _plain(lambda answer: _coded(answer, b"not gzip at all")),
    "gzip-bomb": _plain(lambda answer: _coded(answer, _bomb())),
    "unknown-coding": _plain(lambda answer: answer.having("Content-Encoding", "x-unknown")),
    "tag-lost": _plain(lambda answer: answer.having("ETag", None)),
    "not-modified": _plain(_not_modified),
    "redirect": _plain(redirecting("/elsewhere")),
    "redirect-elsewhere": _plain(redirecting(f"{_ELSEWHERE}/api/v1/deployments")),
    "huge-header": _plain(lambda answer: answer.having("X-Much", "x" * (1 << 20))),
    "problem-without-members": _plain(lambda answer: replace(problem(503), body=b"{}", operation=answer.operation)),
    "problem-not-json": _plain(lambda answer: replace(problem(503), body=b"sorry", operation=answer.operation)),
    "problem-contradicts": _contradicting({"status": 200}),
    "problem-not-retryable": _contradicting({"retryable": False, "backoffStrategy": "none"}),
    **{f"status-{status}": _plain(refusing(status)) for status in (*_PERMANENT, *TRANSIENT)},
    **{f"status-{status}": _plain(refusing(status, 1)) for status in (429, 503)},
    "status-503-at-any-time": _plain(refusing(503, 1, "absent")),
}
"""All scripts by name."""


def misbehaving(behaviour: str, seed: int = 0, patience: float = 2.0) -> Act:
    """The script of this name; the same seed makes the same bytes; `patience` is the request timeout in seconds.

    Raises:
        KeyError: there is no such script.
    """
    return MISBEHAVIOURS[behaviour](Choice(Random(seed), patience))
