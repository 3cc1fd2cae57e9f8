"""Pauses: back-off within its bounds, and every form of `Retry-After`."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wos_reference.agent.schedule import Gate, pause_after, retry_after_seconds

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@given(st.integers(1, 10_000), st.floats(0.001, 1e6))
def test_pause_is_never_longer_than_the_maximum(failures, maximum):
    assert 0 < pause_after(failures, maximum) <= maximum


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("0", 0),
        (" 120 ", 120),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30),
        ("Tuesday, 24-Nov-26 12:00:30 GMT", 30),
        ("Tue Nov 24 12:00:30 2026", 30),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0),
        ("-5", 0),
        ("soon", 0),
        ("", 0),
        ("1.5", 0),
    ],
)
def test_retry_after_is_read(value, seconds):
    assert retry_after_seconds(value, NOW) == seconds


@given(st.text() | st.integers(0).map(str))
def test_retry_after_never_breaks_the_agent(value):
    assert 0 <= retry_after_seconds(value, NOW) < float("inf")


def test_gate_is_shut_for_as_long_as_was_told():
    gate = Gate(maximum=0.001)
    gate.failed(told=60)
    assert not gate.is_open()
    gate.succeeded()
    assert gate.is_open()
