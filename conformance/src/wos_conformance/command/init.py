"""`wos-conformance init`: credentials for a run."""

from importlib.resources import files
from pathlib import Path

import click

from wos_conformance.command.configuration import FILE
from wos_conformance.drive.trust_domain import TrustDomain


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--trust-domain", default="plant.example", show_default=True)
@click.option("--wos-id", default="main", show_default=True)
def init(folder: Path, trust_domain: str, wos_id: str) -> None:
    """Make a throw-away trust domain: a bundle and an SVID to install at the WOS, and a pool of agents."""
    if folder.exists() and any(folder.iterdir()):
        raise click.UsageError(f"{folder} is not empty; choose another folder")
    TrustDomain.create(trust_domain, wos_id).save(folder)
    (folder / FILE).write_text(example(), "utf-8")
    click.echo(f"made {folder}: give the WOS wos.pem, wos-key.pem and trust-bundle.pem,")
    click.echo("and let it accept the clients listed in pool.json except `unlisted`;")
    click.echo(f"{folder / FILE} is an example of a file for `run --config`")


def example() -> str:
    """A `conformance.toml` for both roles; what is usual stands behind a comment sign."""
    return files(__package__).joinpath("example.toml").read_text("utf-8")


WORD = init
