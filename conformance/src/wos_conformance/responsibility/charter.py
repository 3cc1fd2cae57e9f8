"""What each party owns, does, may do, is told of and keeps out of, as one Markdown page."""

from wos_conformance.responsibility.matrix import WRITTEN
from wos_conformance.responsibility.table import PARTIES, Party, Row, Share, Table

_SHARES: dict[Share, str] = {
    "owns": "Owns",
    "part": "Does part of",
    "may": "Is free to",
    "informed": "Is informed of",
    "must not": "Keeps out of",
}


def as_markdown(table: Table) -> str:
    """The charters of all parties."""
    return "\n\n".join(["# Charters", WRITTEN, *(charter(table, party) for party in PARTIES)]) + "\n"


def charter(table: Table, party: Party) -> str:
    """The charter of one party."""
    parts = [f"## {party}", table.parties[party]]
    for share, title in _SHARES.items():
        lines = [_line(row, party) for row in table.rows() if row.share(party) == share]
        if lines:
            parts += [f"### {title}", "\n".join(lines)]
    return "\n\n".join(parts)


def _line(row: Row, party: Party) -> str:
    shown = row.must_not.get(party, row.requirements if row.owner == party else [])
    because = shown if isinstance(shown, str) else " ".join(f"`{rule}`" for rule in shown)
    return f"- `{row.id}` ({row.release}) {row.statement}" + (f" — {because}" if because else "")
