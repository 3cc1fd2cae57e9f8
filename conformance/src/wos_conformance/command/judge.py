"""`wos-conformance judge`: a verdict from the evidence alone."""

import sys
from pathlib import Path

import click

from wos_conformance.command.argument import EXIT_COULD_NOT_JUDGE, could_not_judge
from wos_conformance.history import HistoryDamaged
from wos_conformance.report import report, terminal


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def judge(folder: Path) -> None:
    """Judge the evidence of a run again, from its folder alone."""
    try:
        computed = report.compute(folder)
    except HistoryDamaged as error:
        could_not_judge(str(error))
    if found := report.differences(folder, computed):
        for sentence in found:
            click.echo(f"could not judge: {sentence}", err=True)
        sys.exit(EXIT_COULD_NOT_JUDGE)
    click.echo(terminal.summary(computed, folder))
    sys.exit(computed.exit_code)


WORD = judge
