"""The tables of the WOS, in SQLite or PostgreSQL.

What was acknowledged is committed; versions and artifacts are never changed.
"""

from sqlalchemy import (
    URL,
    BigInteger,
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
    make_url,
)

from wos_reference.wos.migration import migrate

TABLES = MetaData()

clients = Table(
    "clients",
    TABLES,
    Column("spiffe_id", String, primary_key=True),
    Column("admitted", Boolean, nullable=False),
    Column("version", String(20), nullable=False),
    Column("floor", String(20), nullable=False),
    Column("seen_at", BigInteger),
)
devices = Table(
    "devices",
    TABLES,
    Column("spiffe_id", String, primary_key=True),
    Column("device_id", String, primary_key=True),
    Column("document", Text, nullable=False),
    Column("announced_at", BigInteger, nullable=False),
)
applications = Table(
    "applications",
    TABLES,
    Column("id", String, primary_key=True),
    Column("version", String, primary_key=True),
    Column("description", Text, nullable=False),
)
deployments = Table(
    "deployments",
    TABLES,
    Column("id", String, primary_key=True),
    Column("spiffe_id", String, nullable=False),
    Column("assignment", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("changed_in", String(20), nullable=False),
    Column("components", Text, nullable=False),
    Column("status", Text),
    Column("reported_at", BigInteger),
)
manifests = Table(
    "manifests",
    TABLES,
    Column("spiffe_id", String, primary_key=True),
    Column("version", String(20), primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("superseded_at", BigInteger),
)
artifacts = Table(
    "artifacts",
    TABLES,
    Column("spiffe_id", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("superseded_at", BigInteger),
)
requests = Table(
    "requests",
    TABLES,
    Column("request_id", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("answer", Text, nullable=False),
    Column("answered_at", BigInteger, nullable=False),
)
trust_bundles = Table(
    "trust_bundles",
    TABLES,
    Column("sequence", BigInteger, primary_key=True),
    Column("roots", Text, nullable=False),
    Column("file_digest", String, nullable=False),
)
enrolments = Table(
    "enrolments",
    TABLES,
    Column("code_digest", String, primary_key=True),
    Column("spiffe_id", String, nullable=False),
    Column("key_digest", String),
    Column("approved", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("certificate", Text),
)


def open_database(url: str) -> Engine:
    """The database at a URL, with its tables brought to the newest version.

    `postgresql://` stands for psycopg 3; what the URL leaves out, libpq takes from its environment.

    Raises:
        SQLAlchemyError: it cannot be reached, or the URL makes no sense.
        DatabaseTooNew: a later release has written it.
    """
    found = make_url(url)
    engine = _sqlite(found) if found.get_backend_name() == "sqlite" else _postgresql(found)
    try:
        migrate(engine)
    except Exception:
        engine.dispose()
        raise
    return engine


def _postgresql(url: URL) -> Engine:
    """Durable as PostgreSQL is by itself; whoever waits too long for a lock or an answer is told to come again."""
    limits = {"options": "-c lock_timeout=10s -c statement_timeout=20s", "connect_timeout": 5}
    return create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, connect_args=limits)


def _sqlite(url: URL) -> Engine:
    """WAL and FULL: readers do not wait for writers, and what was committed survives a power cut."""
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def configure(connection, _record):  # type: ignore[no-untyped-def]
        connection.isolation_level = None  # transactions are begun below, before the first read
        for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection):  # type: ignore[no-untyped-def]
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def version_text(version: int) -> str:
    """A version as stored: twenty digits hold every unsigned 64-bit number and sort like it."""
    return f"{version:020d}"
