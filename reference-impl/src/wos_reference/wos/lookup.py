"""Reads of single rows, each of what is committed at that moment."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, NullPool, create_engine


class Lookup:
    """For one statement at a time: it is a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept = threading.local()
        self.is_immediate = engine.dialect.name == "sqlite"
        """Whether a read waits for nobody (SQLite, WAL), so that it needs no thread of its own."""

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection to read with; with SQLite each thread keeps one, since to begin costs more than to read."""
        if self.is_immediate:
            yield self._kept_connection()
        else:
            with self._engine.connect() as connection:
                yield connection

    def _kept_connection(self) -> Connection:
        if not hasattr(self._kept, "connection"):
            engine = create_engine(self._engine.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
            self._kept.connection = engine.connect()
        kept: Connection = self._kept.connection
        return kept
