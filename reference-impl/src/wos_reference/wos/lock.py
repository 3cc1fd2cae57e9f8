"""Who changes something waits for whoever else changes the same, in this process or in another replica."""

from contextlib import AbstractContextManager, nullcontext
from threading import Lock

from sqlalchemy import Connection, Engine, text


def lock(connection: Connection, name: str) -> None:
    """Wait until nobody else holds this name, then hold it until the transaction ends.

    SQLite needs nothing: its writing transactions follow one another as they are (`BEGIN IMMEDIATE`).
    An advisory lock holds names that have no row yet, such as a client that two replicas admit at once.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def turn(engine: Engine) -> AbstractContextManager[object]:
    """What a writing transaction of this process holds from before it begins.

    SQLite lets one write at a time and the others try again after pauses that grow; a lock wakes the next one at once.
    """
    return Lock() if engine.dialect.name == "sqlite" else nullcontext()
