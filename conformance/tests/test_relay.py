"""The relay of a run: bytes arrive late but whole, unless the seed resets the connection."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from told import begun
from wos_conformance.drive.client import Visitor
from wos_conformance.drive.relay import Fate, Relay, place_of
from wos_conformance.drive.relay import Path as Way
from wos_conformance.history import Exchange, Recorder, Reset
from wos_conformance.suite.agent.stage import Stage
from wos_conformance.suite.conductor import Conductor
from wos_conformance.suite.settings import Settings

CALM, ROUGH = 1, 14
"""Seeds whose first connection is spared, and reset."""
WHOLE = bytes(range(256)) * 4096


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    """A run that has begun."""
    with begun(tmp_path) as recorder:
        yield recorder


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[tuple[str, int]]:
    """A place where one connection after the other is served like this."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with peer, suppress(OSError):
                    serve(peer)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[:2]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def echo(peer: socket.socket) -> None:
    """Says what it hears."""
    while content := peer.recv(65536):
        peer.sendall(content)


def told_back(place: tuple[str, int], content: bytes) -> bytes:
    """What comes back from a place to which this was sent.

    Raises:
        OSError: the connection was reset.
    """
    heard = bytearray()
    with socket.create_connection(place, timeout=10) as peer, ThreadPoolExecutor(1) as executor:
        saying = executor.submit(_say, peer, content)
        while part := peer.recv(65536):
            heard += part
        saying.result(5)
    return bytes(heard)


def _say(peer: socket.socket, content: bytes) -> None:
    peer.sendall(content)
    peer.shutdown(socket.SHUT_WR)


def filled(peer: socket.socket) -> int:
    """How many bytes a connection takes until nothing moves any more."""
    passed = 0
    with suppress(TimeoutError):
        while passed < 1 << 28:
            passed += peer.send(WHOLE)
    return passed


def test_seed_decides_alone() -> None:
    """The same seed and number have the same fate, others have another one; few are reset."""
    fates = [[(fate.length, fate.delay()) for fate in (Fate(seed, n) for n in range(2000))] for seed in (1, 1, 2)]
    assert fates[0] == fates[1] != fates[2]
    assert 60 < sum(length is not None for length, _ in fates[0]) < 200
    assert all(0 <= delay < 0.05 for _, delay in fates[0])


def test_bytes_arrive_whole(recorder: Recorder) -> None:
    """In order, both ways, with both ends of the stream."""
    with listening(echo) as place:
        relay = Relay(recorder, CALM, place)
        assert told_back(relay.place, WHOLE) == WHOLE
        relay.close()
    assert not recorder.history().of(Reset)


def test_connection_is_reset_at_the_byte_of_the_seed(recorder: Recorder) -> None:
    """Both ends see it, and the history tells where it was."""
    assert (length := Fate(ROUGH, 1).length) is not None
    ends = []

    def serve(peer: socket.socket) -> None:
        try:
            echo(peer)
        except ConnectionResetError as error:
            ends.append(error)

    with listening(serve) as place:
        relay = Relay(recorder, ROUGH, place)
        with pytest.raises(OSError, match=r"reset|Broken pipe|not connected"):
            told_back(relay.place, WHOLE)
        relay.close()
    assert len(ends) == 1
    assert [(reset.number, reset.passed) for reset in recorder.history().of(Reset)] == [(1, length)]


def test_sender_waits_for_a_receiver_that_does_not_read(recorder: Recorder) -> None:
    """Little lies in between; closing takes no time although nothing moves."""
    free = threading.Event()

    def wait(_: socket.socket) -> None:
        free.wait(10)

    with listening(wait) as place:
        relay = Relay(recorder, CALM, place)
        with socket.create_connection(relay.place, timeout=1) as peer:
            passed = filled(peer)
            began = time.monotonic()
            relay.close()
        free.set()
    assert passed < 1 << 25
    assert time.monotonic() - began < 3


def test_nobody_behind_it_is_a_reset(recorder: Recorder) -> None:
    """Whoever dials does not wait."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        place = closed.getsockname()[:2]
    relay = Relay(recorder, CALM, place)
    with pytest.raises(OSError, match=r"reset|Broken pipe|not connected"):
        told_back(relay.place, b"anybody?")
    relay.close()


def test_way_without_a_seed_is_straight(recorder: Recorder) -> None:
    """With one there is a relay for each place, the same each time."""
    place = place_of("https://127.0.0.1:4711")
    assert Way(recorder, None).to(place) == place
    way = Way(recorder, CALM)
    assert way.to(place) == way.to(place) == place_of(way.to_url("https://127.0.0.1:4711")) != place
    way.close()


def test_agent_that_nobody_controls_meets_the_relay_first(tmp_path: Path) -> None:
    """It listens where the person was told; the header says that the run is no claim."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        host, port = closed.getsockname()[:2]
    settings = Settings(role="agent", folder=str(tmp_path / "run"), seed=1, listen=f"{host}:{port}", relay_seed=CALM)
    conductor = Conductor(settings)
    with conductor.agent_stage("situation") as stage, begun(tmp_path / "visit") as recorder:
        assert isinstance(stage, Stage)
        visitor = Visitor(recorder, f"https://{host}:{port}", stage.trust_domain.agent(), stage.trust_domain.bundle_pem)
        assert visitor.poll().status is not None
        visitor.close()
        assert place_of(stage.double.url) != (host, port)
    conductor.close()
    history = conductor.recorder.history()
    assert history.of(Exchange)
    assert history.header.diagnostic == [f"a relay with seed {CALM} was on the path"]
