"""Pauses: back-off within its bounds, and every form of `Retry-After`."""

from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wos_reference.agent.schedule import Gate, Windows, pause_after, retry_after_seconds

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@given(st.integers(1, 10_000), st.floats(0.001, 1e6), st.floats(0.001, 1e6))
def test_pause_grows_from_the_first_to_the_maximum_with_at_most_half_left_out(failures, first, maximum):
    whole = min(first * 2.0 ** min(failures - 1, 60), maximum)
    assert whole / 2 <= pause_after(failures, first, maximum) <= whole


@pytest.mark.parametrize(
    ("hour", "seconds"), [(7, 3600), (8, 0), (11, 0), (12, 10 * 3600), (22, 0), (1, 0), (2, 6 * 3600)]
)
def test_requests_begin_inside_the_windows_only(hour, seconds):
    windows = Windows(((time(8), time(12)), (time(22), time(2))))
    assert windows.closed_for(NOW.replace(hour=hour)) == seconds
    assert Windows().closed_for(NOW) == 0


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
    gate = Gate(first=0.001, maximum=0.001)
    gate.failed(told=60)
    assert not gate.is_open()
    gate.succeeded()
    assert gate.is_open()
