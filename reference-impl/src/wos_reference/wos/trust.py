"""SVID and trust bundle may be replaced while the WOS serves: the next handshake takes the new ones."""

import logging
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path

logger = logging.getLogger(__name__)

Stamp = tuple[tuple[int, int, int], ...]


class Trust:
    """The TLS context that is in force.

    A new trust bundle replaces all former roots, so that a context is never changed but made anew.
    """

    def __init__(self, files: Iterable[Path], check: Callable[[], object]) -> None:
        self._files = tuple(files)
        self._check = check
        self._stamp = self._read_stamp()
        self._build: Callable[[], ssl.SSLContext]
        self._context: ssl.SSLContext

    def front(self, build: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """The context for the listener, which hands each handshake to the one in force."""
        self._build = build
        front = self._context = self._made()
        front.sni_callback = self._choose
        return front

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._context

    def _made(self) -> ssl.SSLContext:
        context = self._build()
        context.num_tickets = 0  # a resumed session would keep the roots of its first handshake
        return context

    def renewed(self) -> bool:
        """Take new files if there are some; files that make no sense are left alone."""
        stamp = self._read_stamp()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self._check()
            self._context = self._made()
        except (OSError, ValueError) as error:
            logger.error("the new SVID or trust bundle is not used: %s", error)
            return False
        logger.info("SVID and trust bundle were read again")
        return True

    def _read_stamp(self) -> Stamp:
        """What tells that a file was replaced, also within one tick of its clock."""
        facts = [path.stat() for path in self._files if path.exists()]
        return tuple((fact.st_mtime_ns, fact.st_ino, fact.st_size) for fact in facts)
