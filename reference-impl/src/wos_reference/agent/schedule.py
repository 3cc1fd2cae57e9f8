"""When an operation may be tried again: the poll interval, back-off after failures, `Retry-After`, poll windows."""

import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from email.utils import parsedate_to_datetime

LONGEST_RETRY_AFTER = 10 * 365 * 86400.0  # keeps absurd numbers inside the range of clocks
DAY = timedelta(days=1)


def retry_after_seconds(value: str | None, now: datetime) -> float:
    """The seconds to wait that a `Retry-After` value asks for at `now`; 0 for none or an unreadable one."""
    if value is None:
        return 0.0
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_RETRY_AFTER)
    moment = moment_of(text)
    return min(max(0.0, (moment - now).total_seconds()), LONGEST_RETRY_AFTER) if moment else 0.0


def moment_of(text: str | None) -> datetime | None:
    """The moment that an HTTP date names, if it is one."""
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def pause_after(failures: int, first: float, maximum: float) -> float:
    """The pause in seconds after so many failures in a row: from `first`, doubled each time, at most `maximum`.

    A random half of it is left out at most, so that a fleet does not come back all at once.
    """
    longest = min(maximum, first * 2.0 ** min(failures - 1, 60))
    return longest * random.uniform(0.5, 1.0)


@dataclass
class Gate:
    """Keeps one operation closed until its next attempt is due (monotonic seconds)."""

    first: float
    maximum: float
    due: float = 0.0
    failures: int = field(default=0)

    def is_open(self) -> bool:
        """Whether the operation may be tried now."""
        return time.monotonic() >= self.due

    def open(self) -> None:
        """The operation is due now."""
        self.due = 0.0

    def succeeded(self, pause: float = 0.0) -> None:
        """The operation worked; the next one is due after `pause` seconds."""
        self.failures = 0
        self.due = time.monotonic() + pause

    def failed(self, told: float = 0.0) -> None:
        """The operation failed; what the other side has told counts more than the pause that would grow."""
        self.failures += 1
        self.due = time.monotonic() + (told or pause_after(self.failures, self.first, self.maximum))

    def close_for(self, seconds: float) -> None:
        """Leave the operation alone for `seconds` from now."""
        self.due = max(self.due, time.monotonic() + seconds)


@dataclass(frozen=True)
class Windows:
    """The parts of each day (UTC) in which the agent may call; none means always.

    A part whose end is not after its start goes over midnight.
    """

    parts: tuple[tuple[time_of_day, time_of_day], ...] = ()

    def closed_for(self, now: datetime) -> float:
        """The seconds from `now` until a request may begin; 0 inside a window."""
        if not self.parts or any(_is_within(now.time(), *part) for part in self.parts):
            return 0.0
        return min(_until(now, start) for start, _ in self.parts)


def _is_within(moment: time_of_day, start: time_of_day, end: time_of_day) -> bool:
    return start <= moment < end if start < end else moment >= start or moment < end


def _until(now: datetime, start: time_of_day) -> float:
    begin = datetime.combine(now.date(), start, UTC)
    return (begin + (DAY if begin <= now else timedelta()) - now).total_seconds()
