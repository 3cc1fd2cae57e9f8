"""The files that deploy the reference WOS say what it understands."""

from pathlib import Path

from wos_reference.wos.configuration import Configuration

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "wos"


def test_configuration_is_one() -> None:
    """Every member is known."""
    configuration = Configuration.read(DEPLOY / "wos.yaml")
    assert configuration.database.startswith("postgresql://")
