"""Judging takes as much longer as a history is longer: counted in calls, not in seconds."""

import sys
from types import FrameType
from typing import Any

import pytest

from synthetic import days
from wos_conformance.history import History
from wos_conformance.judges import judge_history

SHORT, LONG = 5, 20
SLACK = 1.3


def calls(history: History) -> int:
    """How many functions the judges call."""
    count = 0

    def counted(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    judge_history(history)
    again = History(history.events, history.blobs)
    sys.setprofile(counted)
    try:
        judge_history(again)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("role", ["wos", "agent"])
def test_effort_grows_with_the_length(role: str) -> None:
    """Four times as many days, each with other clients, cost four times as much."""
    short, long = days(role, SHORT), days(role, LONG)
    growth = len(long.events) / len(short.events)
    assert calls(long) <= calls(short) * growth * SLACK
