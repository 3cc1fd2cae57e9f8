"""The tables and how they come to be."""

from collections.abc import Callable

import pytest
from sqlalchemy import inspect, text

from wos_reference.wos.migration import DatabaseTooNew
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
