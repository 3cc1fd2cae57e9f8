"""How the bytes of an answer travel: whole and at once, or cut, dripping, endless, or not at all."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

ENDLESS = 16 << 20
"""Bytes after which even an endless body ends, so that a patient agent costs bounded time."""
_CHUNK = 64 << 10
_DROPS = 64

Ending = Literal["open", "close", "reset", "silence"]


@dataclass(frozen=True)
class Delivery:
    """One way to deliver.

    `cut` is how much of the whole answer is sent, as a part of its length; None for all of it.
    `drip` is the time in seconds over which the last bytes leave one by one.
    `endless` promises and sends far more body than there is.
    `ending` says what becomes of the connection: it stays open, is closed, is reset, or nothing more comes.
    """

    cut: float | None = None
    drip: float | None = None
    endless: bool = False
    ending: Ending = "open"

    @property
    def is_whole(self) -> bool:
        """Whether the agent gets all that was promised, at once."""
        return self == Delivery()

    def promised(self, body: bytes) -> int:
        """The length that the head announces."""
        return ENDLESS * 2 if self.endless else len(body)

    def steps(self, head: bytes, body: bytes) -> Iterator[tuple[float, bytes]]:
        """Pauses in seconds and the bytes that leave after them."""
        whole = head + body
        sent = whole if self.cut is None else whole[: int(len(whole) * self.cut)]
        dripping = max(0, len(sent) - _DROPS) if self.drip is not None else len(sent)
        yield 0.0, sent[:dripping]
        for at in range(dripping, len(sent)):
            yield (self.drip or 0.0) / _DROPS, sent[at : at + 1]
        for _ in range(ENDLESS // _CHUNK if self.endless else 0):
            yield 0.0, b" " * _CHUNK
