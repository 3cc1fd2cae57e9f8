"""The documents that are written from data. `make generate` writes them all; a test says when one is stale."""

from collections.abc import Callable
from pathlib import Path

from wos_conformance import alignment
from wos_conformance.edition import repository
from wos_conformance.responsibility import view

Generator = Callable[[Path], dict[Path, str]]
"""From the folder of the repository to texts, by their paths in it."""

GENERATORS: tuple[Generator, ...] = (alignment.documents, view.documents)


def documents(root: Path) -> dict[Path, str]:
    """All generated documents, by their paths in the repository."""
    return {path: text for generate in GENERATORS for path, text in generate(root).items()}


def stale(root: Path) -> list[str]:
    """The generated documents that are not what they would be if they were written now."""
    return [str(path) for path, text in documents(root).items() if _current(root / path) != text]


def main() -> None:
    """Write all documents that are stale."""
    root = repository()
    for path in stale(root):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(documents(root)[Path(path)], "utf-8")
        print(f"wrote {path}")  # noqa: T201 - what make shows


def _current(path: Path) -> str | None:
    return path.read_text("utf-8") if path.is_file() else None


if __name__ == "__main__":
    main()
