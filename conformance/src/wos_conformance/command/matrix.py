"""`wos-conformance matrix`: who does what around the interface."""

from collections.abc import Callable

import click

from wos_conformance.responsibility import PARTIES, Party, Table, charter
from wos_conformance.responsibility import matrix as view
from wos_conformance.specification import Specification

_FORMATS: dict[str, Callable[[Table], str]] = {"md": view.as_markdown, "html": view.as_html, "json": view.as_json}


@click.command()
@click.option("--format", "form", type=click.Choice(list(_FORMATS)), default="md", show_default=True)
@click.option("--party", type=click.Choice(PARTIES), help="Only the charter of this party, as Markdown.")
def matrix(form: str, party: Party | None) -> None:
    """Show who does what around the interface."""
    table = Table.read(Specification.load().folder)
    if party and form != "md":
        raise click.UsageError(f"a charter is Markdown; leave out --party or --format {form}")
    click.echo(charter.charter(table, party) if party else _FORMATS[form](table).rstrip("\n"))


WORD = matrix
