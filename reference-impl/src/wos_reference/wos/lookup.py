"""Reads of single rows, each of what is committed at that moment."""

import sqlite3
import threading
from typing import Any

from sqlalchemy import Engine, NullPool, Select, create_engine
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import OperationalError

_NAMED = sqlite.dialect(paramstyle="named")


class Lookup:
    """For one statement at a time: it is a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept = threading.local()
        self._texts: dict[Select[Any], str] = {}
        self.is_immediate = engine.dialect.name == "sqlite"
        """Whether a read waits for nobody (SQLite, WAL), so that it needs no thread of its own."""

    def first(self, statement: Select[Any], parameters: dict[str, str]) -> Any:
        """The first row of a statement that is a constant; None when there is none.

        With SQLite the driver is asked directly, since everything around it takes longer than to read.

        Raises:
            OperationalError: the database does not answer.
        """
        if not self.is_immediate:
            with self._engine.connect() as connection:
                return connection.execute(statement, parameters).first()
        text = self._texts.get(statement) or self._written(statement)
        try:
            return self._kept_connection().execute(text, parameters).fetchone()
        except sqlite3.OperationalError as error:
            raise OperationalError(text, parameters, error) from error

    def _written(self, statement: Select[Any]) -> str:
        return self._texts.setdefault(statement, str(statement.compile(dialect=_NAMED)))

    def _kept_connection(self) -> sqlite3.Connection:
        """Each thread keeps one."""
        if not hasattr(self._kept, "connection"):
            engine = create_engine(self._engine.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
            self._kept.connection = engine.raw_connection()
        kept: sqlite3.Connection = self._kept.connection.driver_connection
        return kept
