"""`wos-conformance explain`: one requirement, and everything that stands about it."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from textwrap import TextWrapper

import click

from wos_conformance import explanation
from wos_conformance.command.argument import RequirementId
from wos_conformance.command.listing import facts
from wos_conformance.explanation import Explanation, Place
from wos_conformance.specification import Specification

_WIDTH = 80
_INDENT = 12


@click.command()
@click.argument("requirement", type=RequirementId())
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def explain(requirement: str, as_json: bool) -> None:
    """Say what a requirement asks, where it stands, and what tests it."""
    found = explanation.explain(Specification.load(), requirement)
    if as_json:
        click.echo(json.dumps(facts(found.requirement) | _stations(found), indent=1, ensure_ascii=False))
        return
    for name, entries in _fields(found):
        for line in _paragraph(name, entries):
            click.echo(line)


def _stations(found: Explanation) -> dict[str, object]:
    return {name: value for name, value in asdict(found).items() if name not in {"requirement", "chapter"}}


def _fields(found: Explanation) -> Iterator[tuple[str, list[str]]]:
    rule = found.requirement
    yield rule.id, [rule.sentence]
    yield "level", [f"{rule.keyword}, binds the {rule.role}"]
    yield "origin", [", ".join([rule.origin, *rule.source])]
    yield "feature", [rule.feature or "none: binds every product of the role"]
    yield "chapter", [found.chapter]
    yield "schema", [_schema(rule.schema)] if rule.schema else []
    yield "operations", found.operations
    yield "needs", [", ".join(rule.needs)] if rule.needs else []
    yield "contested", [rule.contested] if rule.contested else []
    yield "untestable", [rule.untestable] if rule.untestable else []
    yield "judge", _told([found.judge]) if found.judge else ["none"]
    yield "scenarios", _told(found.scenarios) or ["none"]
    yield "mutants", [] if found.mutants is None else _told(found.mutants) or ["none"]
    yield "matrix", _told(found.responsibilities)


def _schema(pointer: str) -> str:
    name, hash_sign, place = pointer.partition("#")
    return f"schemas/{name}.schema.json{hash_sign}{place}"


def _told(places: list[Place]) -> list[str]:
    return [line for place in places for line in (place.name, f"  {place.text}" if place.text else "") if line]


def _paragraph(name: str, entries: list[str]) -> Iterator[str]:
    """The name once, in the first column; a name that is longer than the column has a line of its own."""
    head = name
    if entries and len(head) >= _INDENT:
        yield head
        head = ""
    for entry in entries:
        deeper = " " * (_INDENT + 2 * entry.startswith("  "))
        first = f"{head:<{_INDENT}}" if head else deeper
        wrapper = TextWrapper(_WIDTH, initial_indent=first, subsequent_indent=deeper, break_on_hyphens=False)
        yield from wrapper.wrap(entry.strip())
        head = ""


WORD = explain
