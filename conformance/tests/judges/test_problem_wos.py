"""Judges of how a WOS says no: a story that keeps each rule, and the same one with a sin."""

from typing import Any

import pytest

from visits import Tales, Visits, problem

TALES = Tales()
JSON, LATER = "Content-Type: application/problem+json", "Retry-After: 2"
PAUSE = {"status": 503, "retryable": True, "backoffStrategy": "exponential"}


def said(requirement: str, status: int, good: tuple[str, Any], bad: tuple[str, Any]) -> None:
    """An error has a header and a body; the sin is another header or body."""

    @TALES.of(requirement)
    def tell(story: Visits, sin: bool) -> None:
        answer, content = bad if sin else good
        story.polls(status, answer=answer, content=content)


NOT_FOUND = problem("device-not-found", status=404)
said("errors.problem-media-type", 404, (JSON, NOT_FOUND), ("Content-Type: application/json", NOT_FOUND))
said("errors.problem-media-type", 404, (f"{JSON}; charset=utf-8", NOT_FOUND), ("", NOT_FOUND))
said("errors.problem-valid", 404, (JSON, NOT_FOUND), (JSON, b"<html>"))
said("errors.problem-valid", 404, (JSON, NOT_FOUND), (JSON, b"{}"))
said("errors.status-repeated", 404, (JSON, NOT_FOUND), (JSON, problem("device-not-found", status=400)))
said("errors.type-registered", 404, (JSON, NOT_FOUND), (JSON, problem("no-such-type")))
said("errors.type-registered", 404, (JSON, problem("urn:acme:gone")), (JSON, problem("semantic-error")))
said("errors.type-registered", 404, (JSON, problem("about:blank")), (JSON, b'{"type":"gone"}'))
said("errors.permanent-not-retryable", 404, ("", NOT_FOUND), ("", problem("device-not-found", retryable=True)))
said("errors.permanent-not-retryable", 404, ("", b"nothing"), (LATER, b"nothing"))
said("errors.transient-retry-after", 503, (LATER, b"{}"), ("", b"{}"))
said("errors.transient-retry-after", 429, (LATER, b"{}"), ("", b"{}"))
said("errors.transient-members", 503, ("", problem("about:blank", **PAUSE)), ("", problem("about:blank")))
said("errors.transient-members", 429, ("", problem("x:y", **PAUSE)), ("", problem("x:y", **{**PAUSE, "retryable": 1})))
said(
    "errors.transient-members",
    503,
    ("", problem("x:y", **PAUSE)),
    ("", problem("x:y", **{**PAUSE, "backoffStrategy": "linear"})),
)


@TALES.of("errors.no-server-error")
def request_is_answered(story: Visits, sin: bool) -> None:
    """The WOS stumbles."""
    story.announces(document={"properties": None}, status=500 if sin else 422)


@TALES.of("errors.no-server-error")
def method_is_unknown(story: Visits, sin: bool) -> None:
    """The WOS stumbles."""
    story.asks("BREW /api/v1/deployments", 502 if sin else 501)


@pytest.mark.parametrize("name", TALES)
def test_judge_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TALES.assert_judged(name)
