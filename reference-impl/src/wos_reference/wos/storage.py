"""The tables of the WOS. What was acknowledged is committed; versions and artifacts are never changed."""

from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
)

TABLES = MetaData()

clients = Table(
    "clients",
    TABLES,
    Column("spiffe_id", String, primary_key=True),
    Column("admitted", Boolean, nullable=False),
    Column("version", String(20), nullable=False),
    Column("floor", String(20), nullable=False),
)
devices = Table(
    "devices",
    TABLES,
    Column("spiffe_id", String, primary_key=True),
    Column("device_id", String, primary_key=True),
    Column("document", Text, nullable=False),
)
deployments = Table(
    "deployments",
    TABLES,
    Column("id", String, primary_key=True),
    Column("spiffe_id", String, nullable=False, index=True),
    Column("assignment", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("status", Text),
)
manifests = Table(
    "manifests",
    TABLES,
    Column("spiffe_id", String, primary_key=True),
    Column("version", String(20), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
artifacts = Table(
    "artifacts",
    TABLES,
    Column("spiffe_id", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
requests = Table(
    "requests",
    TABLES,
    Column("request_id", String, primary_key=True),
    Column("answer", Text, nullable=False),
)


def open_database(url: str) -> Engine:
    """The database, with its tables made if they are missing."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    TABLES.create_all(engine)
    return engine


def _prepare_sqlite(engine: Engine) -> None:
    """WAL and FULL: readers do not wait for writers, and what was committed survives a power cut."""

    @event.listens_for(engine, "connect")
    def configure(connection, _record):  # type: ignore[no-untyped-def]
        connection.isolation_level = None  # transactions are begun below, before the first read
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection):  # type: ignore[no-untyped-def]
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def version_text(version: int) -> str:
    """A version as stored: twenty digits hold every unsigned 64-bit number and sort like it."""
    return f"{version:020d}"
