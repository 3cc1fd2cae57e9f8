"""What the agent must still know after a power cut: one SQLite file, each change on disk before the next one begins.

SQLite and not a replaced file, because adoption changes manifest, documents, deployments and outbox at once or not at
all, and because one more report must not cost a rewrite of all documents.
Versions are kept as text: SQLite's whole numbers end at 2^63 - 1.
"""

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wos_reference.agent.desired_state import Entry, Manifest

SCHEMA = """
CREATE TABLE IF NOT EXISTS manifest (one INTEGER PRIMARY KEY CHECK (one = 1), version TEXT NOT NULL, tag TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS document (digest TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS deployment (
    id TEXT PRIMARY KEY, digest TEXT NOT NULL, version TEXT NOT NULL, wanted INTEGER NOT NULL, state TEXT, outcome TEXT,
    device TEXT, report BLOB
);
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT, deployment_id TEXT NOT NULL, state TEXT NOT NULL, body BLOB NOT NULL,
    attempted INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS outbox_line ON outbox (deployment_id, number);
CREATE TABLE IF NOT EXISTS refusal (deployment_id TEXT PRIMARY KEY, version TEXT NOT NULL, code TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS announced (device TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS hold (operation TEXT PRIMARY KEY, until REAL NOT NULL, told REAL NOT NULL);
"""
DEPLOYMENT_QUERY = "SELECT id, digest, version, wanted, state, outcome, device FROM deployment"
LINE_LIMIT = 16
TABLES = ("manifest", "document", "deployment", "outbox", "refusal", "announced", "hold")


class LedgerError(Exception):
    """The state folder cannot be used; the text says why."""


@dataclass(frozen=True)
class Deployment:
    """One deployment that the agent runs or still has to remove.

    `version` is that of the newest adopted manifest which names it; `state` is the last report in line or delivered;
    `outcome` is `installed` or `given up` once this revision has been that; `device` is the one that it is for.
    """

    id: str
    digest: str
    version: int
    wanted: bool
    state: str | None
    outcome: str | None
    device: str | None


@dataclass(frozen=True)
class Report:
    """One status report that no answer has settled yet."""

    number: int
    deployment_id: str
    body: bytes


class Ledger:
    """The durable memory of one agent; one process at a time, one thread."""

    def __init__(self, folder: Path) -> None:
        """Open or create the ledger in `folder`. Raises LedgerError."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._database = sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.executescript(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(f"{folder} is in use or damaged: {error}") from error

    def close(self) -> None:
        """Give the state folder free."""
        self._database.close()
        os.close(self._lock)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside become durable together at the end, or none of them."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def adopted_version(self) -> int:
        """The version that was adopted last; 0 before the first."""
        row = self._database.execute("SELECT version FROM manifest").fetchone()
        return int(row[0]) if row else 0

    def adopted_tag(self) -> str | None:
        """The tag of the manifest that was adopted last."""
        row = self._database.execute("SELECT tag FROM manifest").fetchone()
        return str(row[0]) if row else None

    def record_manifest(self, manifest: Manifest) -> None:
        """Remember `manifest` as adopted."""
        self._database.execute("REPLACE INTO manifest VALUES (1, ?, ?)", (str(manifest.version), manifest.tag))

    def document(self, digest: str) -> bytes | None:
        """The verified bytes with `digest`, if they are here."""
        row = self._database.execute("SELECT body FROM document WHERE digest = ?", (digest,)).fetchone()
        return bytes(row[0]) if row else None

    def keep_documents(self, documents: Iterable[tuple[str, bytes]]) -> None:
        """Keep verified documents (digest, bytes) so that they need not be retrieved again."""
        self._database.executemany("REPLACE INTO document VALUES (?, ?)", documents)

    def forget_documents_except(self, digests: set[str]) -> None:
        """Forget every document that neither `digests` nor a deployment of the ledger names."""
        kept = digests | {deployment.digest for deployment in self.deployments()}
        stored = {str(row[0]) for row in self._database.execute("SELECT digest FROM document")}
        self._database.executemany("DELETE FROM document WHERE digest = ?", [(digest,) for digest in stored - kept])

    def deployments(self) -> list[Deployment]:
        """All deployments, in the order in which they first came."""
        return [_deployment(row) for row in self._database.execute(f"{DEPLOYMENT_QUERY} ORDER BY rowid")]

    def deployment(self, deployment_id: str) -> Deployment | None:
        """One deployment, if it is known."""
        row = self._database.execute(f"{DEPLOYMENT_QUERY} WHERE id = ?", (deployment_id,)).fetchone()
        return _deployment(row) if row else None

    def want(self, entry: Entry, version: int) -> None:
        """Let the deployment of `entry` be wanted under the manifest `version`; another revision is a new start."""
        self._database.execute(
            "INSERT INTO deployment (id, digest, version, wanted) VALUES (?, ?, ?, 1) ON CONFLICT (id) DO UPDATE SET"
            " outcome = CASE WHEN digest = excluded.digest AND wanted THEN outcome END,"
            " digest = excluded.digest, version = excluded.version, wanted = 1",
            (entry.deployment_id, entry.digest, str(version)),
        )

    def choose_device(self, deployment_id: str, device: str) -> None:
        """Remember on which device a deployment runs."""
        self._database.execute("UPDATE deployment SET device = ? WHERE id = ?", (device, deployment_id))

    def note_success(self, deployment_id: str) -> None:
        """This revision has been installed; what is to be done about it from now on is a repair."""
        self._database.execute("UPDATE deployment SET outcome = 'installed' WHERE id = ?", (deployment_id,))

    def give_up(self, deployment_id: str) -> None:
        """The work on this revision has failed for good."""
        self._database.execute("UPDATE deployment SET outcome = 'given up' WHERE id = ?", (deployment_id,))

    def begin_anew(self) -> None:
        """The agent was started: what has failed for good is tried once more."""
        self._database.execute("UPDATE deployment SET outcome = NULL WHERE outcome = 'given up'")

    def no_longer_want(self, deployment_id: str) -> None:
        """Mark a deployment for removal; its document stays until it is forgotten."""
        self._database.execute("UPDATE deployment SET wanted = 0 WHERE id = ?", (deployment_id,))

    def forget_deployment(self, deployment_id: str) -> None:
        """Nothing of the deployment is left on the device."""
        self._database.execute("DELETE FROM deployment WHERE id = ?", (deployment_id,))

    def state_in_line(self, deployment_id: str) -> str | None:
        """The state of the last report of a deployment, delivered or not."""
        row = self._database.execute("SELECT state FROM deployment WHERE id = ?", (deployment_id,)).fetchone()
        return row[0] if row else None

    def queue_report(self, deployment_id: str, state: str, body: bytes) -> None:
        """Put a report at the end of the line of its deployment."""
        self._database.execute(
            "INSERT INTO outbox (deployment_id, state, body) VALUES (?, ?, ?)", (deployment_id, state, body)
        )
        self._database.execute("UPDATE deployment SET report = ? WHERE id = ?", (body, deployment_id))
        self._set_state(deployment_id, state)
        self._shorten_line(deployment_id, state)

    def _shorten_line(self, deployment_id: str, state: str) -> None:
        """In a long line, leave out the reports since this state was said before, if none of them was ever sent.

        What stands before follows the table as it did, because the state that comes next is the same.
        """
        line = "FROM outbox WHERE deployment_id = ? AND attempted = 0"
        length = self._database.execute(f"SELECT count(*) {line}", (deployment_id,)).fetchone()[0]
        if length > LINE_LIMIT:
            same = f"(SELECT min(number) {line} AND state = ?)"
            last = "(SELECT max(number) FROM outbox)"
            self._database.execute(
                f"DELETE {line} AND number >= {same} AND number < {last}",
                (deployment_id, deployment_id, state),
            )

    def repeat_reports(self) -> None:
        """Put the last report of each deployment that was not refused into line again, unless one is there already."""
        self._database.execute(
            "INSERT INTO outbox (deployment_id, state, body) SELECT id, state, report FROM deployment"
            " WHERE report IS NOT NULL AND id NOT IN (SELECT deployment_id FROM outbox)"
            " AND id NOT IN (SELECT deployment_id FROM refusal) ORDER BY rowid"
        )

    def refusals(self) -> list[tuple[str, int, str]]:
        """What was reported as refused since the last adoption: deployment, version and code."""
        rows = self._database.execute("SELECT deployment_id, version, code FROM refusal ORDER BY rowid")
        return [(name, int(version), code) for name, version, code in rows]

    def is_refused(self, deployment_id: str) -> bool:
        """Whether a revision of a deployment was reported as refused since the last adoption."""
        query = "SELECT 1 FROM refusal WHERE deployment_id = ?"
        return self._database.execute(query, (deployment_id,)).fetchone() is not None

    def is_refusal_told(self, deployment_id: str, version: int, code: str) -> bool:
        """Whether it was reported that this version of a deployment was refused, and why."""
        query = "SELECT 1 FROM refusal WHERE deployment_id = ? AND version = ? AND code = ?"
        return self._database.execute(query, (deployment_id, str(version), code)).fetchone() is not None

    def queue_refusal(self, deployment_id: str, version: int, code: str, body: bytes) -> None:
        """Put the report of a refusal into line; what was adopted of the deployment stays as it is."""
        self._database.execute("REPLACE INTO refusal VALUES (?, ?, ?)", (deployment_id, str(version), code))
        self._database.execute(
            "INSERT INTO outbox (deployment_id, state, body) VALUES (?, 'failed', ?)", (deployment_id, body)
        )

    def forget_refusals(self) -> None:
        """A manifest was adopted; deployments that were reported as refused have their state to tell again."""
        self._database.execute("UPDATE deployment SET state = 'failed' WHERE id IN (SELECT deployment_id FROM refusal)")
        self._database.execute("DELETE FROM refusal")

    def withdraw_outdated_claim(self, deployment_id: str) -> None:
        """Take back an `installed` that was never sent and is no longer true; `installing` always stands before it."""
        taken = self._database.execute(
            "DELETE FROM outbox WHERE deployment_id = ? AND state = 'installed' AND attempted = 0"
            " AND number = (SELECT max(number) FROM outbox WHERE deployment_id = ?)",
            (deployment_id, deployment_id),
        )
        if taken.rowcount:
            self._set_state(deployment_id, "installing")

    def _set_state(self, deployment_id: str, state: str) -> None:
        self._database.execute("UPDATE deployment SET state = ? WHERE id = ?", (state, deployment_id))

    def first_reports(self) -> list[Report]:
        """The report at the head of the line of each deployment, oldest first."""
        rows = self._database.execute(
            "SELECT number, deployment_id, body FROM outbox WHERE number IN"
            " (SELECT min(number) FROM outbox GROUP BY deployment_id) ORDER BY number"
        )
        return [Report(*row) for row in rows]

    def attempt_report(self, number: int) -> None:
        """The report may reach the WOS from now on, so it is never taken back."""
        self._database.execute("UPDATE outbox SET attempted = 1 WHERE number = ? AND attempted = 0", (number,))

    def settle_report(self, number: int) -> None:
        """The report was accepted, or refused for good."""
        self._database.execute("DELETE FROM outbox WHERE number = ?", (number,))

    def announced_devices(self) -> list[str]:
        """The devices that the WOS may know from this agent."""
        return [str(row[0]) for row in self._database.execute("SELECT device FROM announced ORDER BY rowid")]

    def note_announced(self, device: str) -> None:
        """The WOS may know `device` from now on."""
        self._database.execute("INSERT OR IGNORE INTO announced VALUES (?)", (device,))

    def forget_announced(self, device: str) -> None:
        """The WOS knows `device` no longer."""
        self._database.execute("DELETE FROM announced WHERE device = ?", (device,))

    def release(self) -> None:
        """Forget everything that belongs to the WOS; what runs is found in the runtime when it is to be removed."""
        with self.transaction():
            for table in TABLES:
                self._database.execute(f"DELETE FROM {table}")  # noqa: S608 - names of this module

    def hold_operation(self, operation: str, seconds: float) -> None:
        """Remember that the WOS asked to leave `operation` alone for `seconds` from now."""
        self._database.execute("REPLACE INTO hold VALUES (?, ?, ?)", (operation, time.time() + seconds, seconds))

    def remaining_hold(self, operation: str) -> float:
        """The seconds for which `operation` is still to be left alone; never more than the WOS asked for."""
        row = self._database.execute("SELECT until, told FROM hold WHERE operation = ?", (operation,)).fetchone()
        return min(max(0.0, row[0] - time.time()), row[1]) if row else 0.0


def release_state(folder: Path) -> None:
    """Let the state folder forget its WOS, with the identity that was obtained for it. Raises LedgerError."""
    ledger = Ledger(folder)
    try:
        ledger.release()
        shutil.rmtree(folder / "identity", ignore_errors=True)
    finally:
        ledger.close()


def _deployment(row: tuple[Any, ...]) -> Deployment:
    return Deployment(row[0], row[1], int(row[2]), bool(row[3]), row[4], row[5], row[6])
