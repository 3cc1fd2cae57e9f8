"""Writes the history as it happens: append-only, each line chained to the one before, bodies as blobs."""

import hashlib
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from wos_conformance.history.event import FIRST_PREV, SEQ_OF_WORKER, AnyEvent, Body, Event, Footer, decode, encode
from wos_conformance.history.reader import BLOBS, History, file_of

E = TypeVar("E", bound=Event)
STORED_AT_MOST = 1 << 20


class Recorder:
    """The only writer of its file in a run folder. Its methods may be called from any thread."""

    def __init__(self, folder: Path, worker: int = 0, began: float | None = None) -> None:
        """Begin a history; `began` is the reading of the monotonic clock when the run did, now if left out.

        Raises:
            FileExistsError: the folder holds one already.
        """
        (folder / BLOBS).mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._file = (folder / file_of(worker)).open("xb")
        self._first = worker * SEQ_OF_WORKER
        self._lock = threading.RLock()
        self._prev = FIRST_PREV
        self._events: list[AnyEvent] = []
        self._blobs: dict[str, bytes] = {}
        self._secrets: list[bytes] = []
        self._began = time.monotonic() if began is None else began

    def now(self) -> float:
        """Seconds since the run began."""
        return round(time.monotonic() - self._began, 6)

    def record(self, kind: type[E], **fields: Any) -> E:
        """Write an event; `seq`, `at` and `prev` are filled in."""
        with self._lock:
            event = kind(seq=self._first + len(self._events), at=self.now(), prev=self._prev, **fields)
            line = encode(event)  # type: ignore[arg-type]
            if (clean := self._without_secrets(line)) != line:
                line, event = clean, decode(clean)  # type: ignore[assignment]
            self._file.write(line + b"\n")
            self._file.flush()
            self._prev = hashlib.sha256(line).hexdigest()
            self._events.append(event)  # type: ignore[arg-type]
            return event

    def store(self, content: bytes | Iterable[bytes], limit: int = STORED_AT_MOST) -> Body:
        """Keep a body: its first `limit` bytes as a blob, digest and length of all of it."""
        total, length, kept = hashlib.sha256(), 0, bytearray()
        for part in [content] if isinstance(content, bytes) else content:
            total.update(part)
            length += len(part)
            kept += part[: max(0, limit - len(kept))]
        stored = self._without_secrets(bytes(kept))
        digest = total.hexdigest() if stored == bytes(kept) else hashlib.sha256(stored).hexdigest()
        name = hashlib.sha256(stored).hexdigest()
        with self._lock:
            if name not in self._blobs:
                (self.folder / BLOBS / name).write_bytes(stored)
                self._blobs[name] = stored
        return Body(digest=f"sha256:{digest}", length=length, stored=len(stored), blob=name)

    def redact(self, secret: bytes) -> None:
        """Strike out a secret of at least eight bytes wherever it would be written, at equal length."""
        if len(secret) >= 8 and secret not in self._secrets:
            self._secrets.append(secret)

    def history(self) -> History:
        """The history so far, without reading anything back."""
        with self._lock:
            return History(list(self._events), self.blobs)

    @property
    def blobs(self) -> Mapping[str, bytes]:
        """The stored bodies by name."""
        return self._blobs

    def close(self, *, complete: bool, scenarios: int, errors: list[str], others: Sequence[str] = ()) -> None:
        """Write the footer; without it the run counts as cut."""
        with self._lock:
            self.record(Footer, complete=complete, scenarios=scenarios, errors=errors, others=list(others))
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._file.closed:
            self.close(complete=error is None, scenarios=0, errors=[repr(error)] if error else [])

    def _without_secrets(self, line: bytes) -> bytes:
        for secret in self._secrets:
            if secret in line:
                line = line.replace(secret, b"*" * len(secret))
        return line
