"""A relay below TLS that makes a path as bad as real ones are: it delays what it passes on, and rarely resets.

The seed decides about each connection by its number, and about a reset by the count of bytes, not by a clock.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from random import Random
from typing import Any
from urllib.parse import urlsplit

from wos_conformance.history import Recorder, Reset

Place = tuple[str, int]
"""Host and port."""

_PIECE = 16 << 10
_PIECES_AT_MOST = 16
_LONGEST_DELAY = 0.03
"""Seconds."""
_RESETS = 1 / 16
"""The share of connections that are reset, unless they end before."""
_FAREWELL = 5.0


class Fate:
    """What the seed has in store for one connection: delays, and the `length` in bytes after which it is reset."""

    def __init__(self, seed: int, number: int) -> None:
        random = Random(f"{seed} {number}")
        self.length = int(2 ** random.uniform(6, 15)) if random.random() < _RESETS else None
        self._left = self.length
        self._latency = random.uniform(0, _LONGEST_DELAY / 2)
        self._random = random

    def delay(self) -> float:
        """Seconds for which the next piece is on its way."""
        return self._latency + self._random.uniform(0, _LONGEST_DELAY / 2)

    def spend(self, length: int) -> int:
        """How many of so many bytes may still pass."""
        if self._left is None:
            return length
        passing = min(length, self._left)
        self._left -= passing
        return passing

    @property
    def is_sealed(self) -> bool:
        """Whether the moment of the reset has come."""
        return self._left == 0


class Relay:
    """Stands between whoever dials its place and one other place. One thread serves all connections."""

    def __init__(self, recorder: Recorder, seed: int, towards: Place, listen: Place = ("127.0.0.1", 0)) -> None:
        """`seed` decides about the connections; resets are written down."""
        self._recorder = recorder
        self._seed = seed
        self._towards = towards
        self._connections = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener = socket.create_server(listen, backlog=64)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def place(self) -> Place:
        """Where it listens."""
        host, port = self._listener.getsockname()[:2]
        return host, port

    def close(self) -> None:
        """Listen no longer and reset what is open; a few seconds at most."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._accepting.cancel)
        self._thread.join(_FAREWELL)

    def _run(self) -> None:
        self._accepting = self._loop.create_task(self._accept())
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._accepting)
        self._loop.close()

    async def _accept(self) -> None:
        self._listener.setblocking(False)
        try:
            while True:
                plain, _ = await self._loop.sock_accept(self._listener)
                self._connections += 1
                self._spawn(self._hold(plain, self._connections))
        finally:
            self._listener.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hold(self, dialled: socket.socket, number: int) -> None:
        fate = Fate(self._seed, number)
        onward = socket.socket(socket.AF_INET6 if ":" in self._towards[0] else socket.AF_INET)
        try:
            for end in (dialled, onward):
                end.setblocking(False)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.sock_connect(onward, self._towards)
            async with asyncio.TaskGroup() as group:
                group.create_task(_Direction(self._loop, dialled, onward, fate).pass_on())
                group.create_task(_Direction(self._loop, onward, dialled, fate).pass_on())
        except (OSError, ExceptionGroup):
            _reset(dialled, onward)
            if fate.is_sealed:
                self._recorder.record(Reset, relay=str(self._towards[1]), number=number, passed=fate.length)
        except asyncio.CancelledError:
            _reset(dialled, onward)
            raise
        finally:
            dialled.close()
            onward.close()


class _Direction:
    """One way of a connection. What is on its way is a few pieces at most; then the sender waits."""

    def __init__(self, loop: asyncio.AbstractEventLoop, source: socket.socket, drain: socket.socket, fate: Fate):
        self._loop, self._source, self._drain, self._fate = loop, source, drain, fate
        self._under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_PIECES_AT_MOST)

    async def pass_on(self) -> None:
        """Until the source has ended.

        Raises:
            ExceptionGroup: of OSErrors; the connection is broken, by one of its ends or by the seed.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take())
            group.create_task(self._deliver())

    async def _take(self) -> None:
        content = b"first"
        while content:
            content = await self._loop.sock_recv(self._source, _PIECE)
            await self._under_way.put((self._loop.time() + self._fate.delay(), content))

    async def _deliver(self) -> None:
        while True:
            due, content = await self._under_way.get()
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            if not content:
                self._drain.shutdown(socket.SHUT_WR)
                return
            await self._loop.sock_sendall(self._drain, content[: self._fate.spend(len(content))])
            if self._fate.is_sealed:
                raise ConnectionResetError("by the seed")


def _reset(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Path:
    """How a scenario reaches others: straight, or through relays if there is a seed for them."""

    def __init__(self, recorder: Recorder, seed: int | None) -> None:
        self._recorder = recorder
        self._seed = seed
        self._relays: dict[Place, Relay] = {}

    def to(self, place: Place) -> Place:
        """Where to dial to reach a place."""
        if self._seed is None:
            return place
        if place not in self._relays:
            self._relays[place] = Relay(self._recorder, self._seed + len(self._relays), place)
        return self._relays[place].place

    def to_url(self, url: str) -> str:
        """The https URL, without a path, at which another one is reached."""
        host, port = self.to(place_of(url))
        return f"https://{host}:{port}"

    def close(self) -> None:
        """End all relays."""
        for relay in self._relays.values():
            relay.close()


def place_of(url: str) -> Place:
    """Where the host of an https URL listens."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 443
