"""When an operation may be tried again: the poll interval, back-off after failures, `Retry-After` when told."""

import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_PAUSE = 0.1
LONGEST_RETRY_AFTER = 10 * 365 * 86400.0  # keeps absurd numbers inside the range of clocks


def retry_after_seconds(value: str | None, now: datetime) -> float:
    """The seconds to wait from `now` that a `Retry-After` value asks for; 0 for none or an unreadable one."""
    if value is None:
        return 0.0
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return min(max(0.0, (_aware(moment) - now).total_seconds()), LONGEST_RETRY_AFTER)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def pause_after(failures: int, maximum: float) -> float:
    """The pause in seconds after so many failures in a row: doubled each time, with jitter, never above `maximum`."""
    longest = min(maximum, FIRST_PAUSE * 2.0 ** min(failures - 1, 30))
    return longest * random.uniform(0.5, 1.0)


@dataclass
class Gate:
    """Keeps one operation closed until its next attempt is due (monotonic seconds)."""

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
        """The operation failed; `told` are the seconds that the WOS asked for at least."""
        self.failures += 1
        self.due = time.monotonic() + max(told, pause_after(self.failures, self.maximum))

    def close_for(self, seconds: float) -> None:
        """Leave the operation alone for `seconds` from now."""
        self.due = max(self.due, time.monotonic() + seconds)
