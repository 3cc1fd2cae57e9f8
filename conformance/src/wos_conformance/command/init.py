"""`wos-conformance init`: credentials for a run."""

from pathlib import Path

import click

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
    click.echo(f"made {folder}: give the WOS wos.pem, wos-key.pem and trust-bundle.pem,")
    click.echo("and let it accept the clients listed in pool.json except `unlisted`")


WORD = init
