"""Who changes something waits for whoever else changes the same, in this process or in another replica."""

from sqlalchemy import Connection, text


def lock(connection: Connection, name: str) -> None:
    """Wait until nobody else holds this name, then hold it until the transaction ends.

    SQLite needs nothing: its writing transactions follow one another as they are (`BEGIN IMMEDIATE`).
    An advisory lock holds names that have no row yet, such as a client that two replicas admit at once.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})
