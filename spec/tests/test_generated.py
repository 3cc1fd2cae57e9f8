"""What is written from data is written anew when the data changes."""

from pathlib import Path

from wos_conformance.generation import documents, stale

ROOT = Path(__file__).resolve().parents[2]


def test_generated_documents_are_current() -> None:
    """And none is edited by hand."""
    assert stale(ROOT) == [], "stale; run `make generate`"


def test_generated_documents_say_so() -> None:
    """To whoever opens one to change it."""
    assert [path for path, text in documents(ROOT).items() if "make generate" not in text] == []
