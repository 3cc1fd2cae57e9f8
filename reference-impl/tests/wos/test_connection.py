"""One connection of an agent, without a network around it."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from unittest.mock import Mock

import uvicorn
from uvicorn.server import ServerState

from wos_reference.wos.connection import AgentConnection
from wos_reference.wos.problem import problem


class _Connection(AgentConnection):
    lifetime, connections_at_most, trust = 300.0, 2000, None


@contextmanager
def without_collection() -> Iterator[None]:
    """Nobody looks for circles of objects."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_connection_that_has_ended_takes_no_memory() -> None:
    """TLS holds most of it, and would hold it until Python looks for circles."""
    config = uvicorn.Config(problem("server-cannot-generate-response"), log_config=None)
    with closing(asyncio.new_event_loop()) as loop, without_collection():
        connection = _Connection(config, ServerState(), {}, loop)
        ended = weakref.ref(connection)
        connection.connection_made(Mock(**{"get_extra_info.return_value": None}))
        connection.connection_lost(None)
        del connection
        assert ended() is None
