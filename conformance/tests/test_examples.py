"""The examples below `docs/examples`: what they copy is what the specification says."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "spec" / "v1.0" / "schemas"
COPIED = sorted((ROOT / "docs" / "examples" / "node-wos" / "schemas").iterdir())


@pytest.mark.parametrize("copy", COPIED, ids=lambda copy: copy.name)
def test_copied_schema_is_the_schema(copy: Path) -> None:
    """Byte for byte."""
    assert copy.read_bytes() == (SCHEMAS / copy.name).read_bytes()


def test_schemas_are_copied() -> None:
    """Otherwise the test above tests nothing."""
    assert COPIED
