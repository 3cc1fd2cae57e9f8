"""`wos-conformance list`: the requirements, one a line."""

import json
from collections.abc import Iterator
from textwrap import wrap

import click

from wos_conformance.requirement import Requirement
from wos_conformance.specification import Specification

_WIDTH = 80
CORE = "core"


class FeatureName(click.ParamType[str]):
    """An optional feature of the specification, or `core` for what binds every product."""

    name = "feature"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that the specification has this feature."""
        known = [CORE, *Specification.load().features]
        if value not in known:
            self.fail(f"unknown feature {value!r}; there are: {', '.join(known)}", param, ctx)
        return value


@click.command("list")
@click.option("--role", type=click.Choice(["wos", "agent"]), help="Only this role.")
@click.option("--feature", type=FeatureName(), help="Only this optional feature, or `core`.")
@click.option("--origin", type=click.Choice(["margo", "resolved", "added"]), help="Only rules of this origin.")
@click.option("--untested", "only_untested", is_flag=True, help="Only what no judge judges, with the reason.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def list_requirements(
    role: str | None, feature: str | None, origin: str | None, only_untested: bool, as_json: bool
) -> None:
    """List the requirements: level, role, id, and what is special about them."""
    rows = [
        row
        for row in Specification.load().requirements.values()
        if role in (None, row.role) and origin in (None, row.origin) and feature in (None, row.feature or CORE)
    ]
    reasons = _reasons(rows) if only_untested else {}
    shown = [row for row in rows if row.id in reasons] if only_untested else rows
    if as_json:
        listed = [facts(row) | ({"untested": reasons[row.id]} if only_untested else {}) for row in shown]
        click.echo(json.dumps(listed, indent=1, ensure_ascii=False))
        return
    for row in shown:
        for line in _lines(row, reasons.get(row.id)):
            click.echo(line)


def facts(row: Requirement) -> dict[str, object]:
    """A requirement as JSON members."""
    return {
        "id": row.id,
        "role": row.role,
        "level": row.keyword,
        "sentence": row.sentence,
        "chapter": row.chapter,
        "line": row.line,
        "origin": row.origin,
        "source": list(row.source),
        "feature": row.feature,
        "needs": list(row.needs),
        "schema": row.schema,
        "contested": row.contested,
        "untestable": row.untestable,
    }


def _reasons(rows: list[Requirement]) -> dict[str, str]:
    from wos_conformance.explanation import untested  # the judges are loaded only when they are asked about

    return {row.id: reason for row in rows if (reason := untested(row))}


def _lines(row: Requirement, reason: str | None) -> Iterator[str]:
    marks = [f"feature {row.feature}"] if row.feature else []
    marks += [word for word in ("contested", "untestable") if getattr(row, word)]
    line = f"{row.keyword:<10} {row.role:<5} {row.id}"
    said = f"  [{', '.join(marks)}]" if marks else ""
    if len(line + said) <= _WIDTH:
        yield line + said
    else:
        yield line
        yield f"{'':<17}{said.lstrip()}"
    yield from wrap(reason or "", _WIDTH, initial_indent=" " * 17, subsequent_indent=" " * 17)


WORD = list_requirements
