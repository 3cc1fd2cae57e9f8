"""The tables come from numbered texts in `migrations/`, each carried out once and never changed after a release."""

from pathlib import Path

from sqlalchemy import Connection, Engine, text

from wos_reference.wos.lock import lock

_FOLDER = Path(__file__).parent / "migrations"


class DatabaseTooNew(Exception):
    """A later release has written this database."""


def migrate(engine: Engine) -> None:
    """Bring a database to the newest version; of several replicas that start at once, one does it.

    Raises:
        DatabaseTooNew: this release does not know its tables.
    """
    steps = dict(enumerate(sorted(_FOLDER.glob("*.sql")), start=1))
    with engine.execution_options(writes=True).begin() as connection:
        lock(connection, "schema_version")
        reached = _reached(connection)
        if reached > len(steps):
            raise DatabaseTooNew(f"the database has version {reached}, this release knows {len(steps)}")
        for version in range(reached + 1, len(steps) + 1):
            _carry_out(connection, version, steps[version].read_text("utf-8"))


def _reached(connection: Connection) -> int:
    connection.execute(text("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)"))
    return connection.execute(text("SELECT max(version) FROM schema_version")).scalar() or 0


def _carry_out(connection: Connection, version: int, script: str) -> None:
    for statement in script.split(";\n"):
        if statement.strip():
            connection.execute(text(statement))
    connection.execute(text("INSERT INTO schema_version VALUES (:version)"), {"version": version})
