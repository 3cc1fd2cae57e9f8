"""The tables and how they come to be."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import OperationalError

from wos_reference.wos.lookup import Lookup
from wos_reference.wos.migration import DatabaseTooNew
from wos_reference.wos.relation import ADMITTED
from wos_reference.wos.storage import TABLES, open_database


def test_migrations_make_the_tables_that_queries_name(new_database: Callable[[], str]) -> None:
    """Each column; a second start finds nothing to do."""
    url = new_database()
    for _ in range(2):
        engine = open_database(url)
        found = inspect(engine)
        for table in TABLES.sorted_tables:
            made = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
            assert made == {column.name: bool(column.nullable) for column in table.columns}
            assert found.get_pk_constraint(table.name)["constrained_columns"] == list(table.primary_key.columns.keys())
        engine.dispose()


def test_database_of_a_later_release_is_left_alone(new_database: Callable[[], str]) -> None:
    """Nobody knows what its tables mean."""
    url = new_database()
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO schema_version VALUES (9999)"))
    engine.dispose()
    with pytest.raises(DatabaseTooNew):
        open_database(url)


def test_read_that_fails_is_a_database_that_does_not_answer(tmp_path: Path) -> None:
    """Whichever way a read takes, it fails alike."""
    engine = create_engine(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    with pytest.raises(OperationalError, match="no such table"):
        Lookup(engine).first(ADMITTED, {"client": "anybody"})
