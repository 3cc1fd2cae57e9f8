"""What a person wants to know about an agent, read from its ledger while it may be running."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from wos_reference.agent.ledger import LedgerError


def look(folder: Path) -> dict[str, Any]:
    """Adopted version and tag, deployments with their states, and reports in line. Raises LedgerError."""
    try:
        database = sqlite3.connect(f"{(folder / 'ledger.sqlite').resolve().as_uri()}?mode=ro", uri=True)
        with closing(database):
            manifest = database.execute("SELECT version, tag FROM manifest").fetchone() or (None, None)
            deployments = database.execute("SELECT id, state, version, wanted FROM deployment ORDER BY rowid")
            names = ("deploymentId", "state", "adoptedManifestVersion", "wanted")
            return {
                "adoptedManifestVersion": manifest[0] and int(manifest[0]),
                "tag": manifest[1],
                "deployments": [
                    dict(zip(names, (row[0], row[1], int(row[2]), bool(row[3])), strict=True)) for row in deployments
                ],
                "reportsInLine": database.execute("SELECT count(*) FROM outbox").fetchone()[0],
            }
    except sqlite3.Error as error:
        raise LedgerError(f"{folder} holds no ledger that can be read: {error}") from error
