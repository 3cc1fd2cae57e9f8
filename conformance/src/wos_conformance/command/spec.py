"""`wos-conformance spec`: what authors of the specification do with its versions."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from textwrap import wrap

import click

from wos_conformance import release as guard
from wos_conformance.comparison import Change, compare, largest
from wos_conformance.edition import edition, repository
from wos_conformance.specification import SpecificationError

_WIDTH = 80
_MOST_SHOWN = 300
EXIT_DIFFERENT = 1


@click.group()
def spec() -> None:
    """Compare and release versions of the specification."""


@spec.command()
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def diff(old: str, new: str, as_json: bool) -> None:
    """Say what changes from A to B, and which step of the version that needs.

    A and B are versions (1.0), folders, `draft`, or commits (git:REV, git:REV:1.0).

    Exit codes as those of diff: 0 nothing changes, 1 something does, 2 wrong usage.
    """
    try:
        with edition(old) as before, edition(new) as after:
            changes = compare(before, after)
    except SpecificationError as error:
        raise click.UsageError(str(error)) from error
    step = largest(changes)
    if as_json:
        click.echo(json.dumps({"step": step, "changes": [asdict(c) for c in changes]}, indent=1, ensure_ascii=False))
    else:
        for line in _lines(changes):
            click.echo(line)
        click.echo(f"{len(changes)} changes: a {step} version" if step else "no change")
    sys.exit(EXIT_DIFFERENT if changes else 0)


@spec.command()
@click.argument("version")
def release(version: str) -> None:
    """Write VERSION into spec/released.yaml, which freezes it; VERSIONING.md says what comes first."""
    try:
        entry = guard.release(repository() / "spec", version)
    except SpecificationError as error:
        raise click.UsageError(str(error)) from error
    click.echo(
        f"released {version}: {len(entry['requirements'])} requirements, {len(entry['openapi'])} OpenAPI documents,"
    )
    click.echo(f"{len(entry['schemas'])} schemas are frozen; commit spec/{guard.RECORD}")


def _lines(changes: list[Change]) -> Iterator[str]:
    """One paragraph a change: the step, what, and how; then what was and what is."""
    for change in changes:
        place = f" at {change.place}" if change.place else ""
        text = f"{change.step:<6} {change.part} {change.name}: {change.kind}{place}"
        yield from wrap(text, _WIDTH, subsequent_indent=" " * 7, break_on_hyphens=False)
        for sign, value in (("-", change.was), ("+", change.now)):
            shown = value if len(value) <= _MOST_SHOWN else value[:_MOST_SHOWN] + " …"
            yield from wrap(shown, _WIDTH, initial_indent=f"       {sign} ", subsequent_indent=" " * 9)


WORD = spec
