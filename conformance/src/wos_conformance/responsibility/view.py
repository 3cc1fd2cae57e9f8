"""The views of the table that are kept beside it; `make generate` writes them."""

from pathlib import Path

from wos_conformance.responsibility import charter, matrix, sequence
from wos_conformance.responsibility.table import Table

FOLDER = Path("spec/v1.0/responsibilities")


def documents(root: Path) -> dict[Path, str]:
    """All views of the table of version 1.0, by their paths in the repository."""
    table = Table.read(root / "spec" / "v1.0")
    return {
        FOLDER / "matrix.md": matrix.as_markdown(table),
        FOLDER / "matrix.html": matrix.as_html(table),
        FOLDER / "charters.md": charter.as_markdown(table),
        FOLDER / "sequences.md": sequence.as_markdown(table),
    }
