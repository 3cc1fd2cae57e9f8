"""The command `reference-wos`."""

import json
import logging
import sys
from pathlib import Path

import click
import msgspec

from wos_reference.wos.configuration import Configuration
from wos_reference.wos.identity import IdentityError
from wos_reference.wos.server import serve as serve_forever


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = {"level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            facts["error"] = self.formatException(record.exc_info)
        return json.dumps(facts)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The reference WOS: for reading and for trying."""


@main.command()
@click.option("--config", "path", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def serve(path: Path) -> None:
    """Serve agents and the operator until SIGTERM."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    try:
        serve_forever(Configuration.read(path))
    except (OSError, IdentityError, msgspec.MsgspecError) as error:
        raise click.ClickException(f"{path}: {error}") from error


if __name__ == "__main__":
    main()
