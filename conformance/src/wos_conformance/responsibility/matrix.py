"""The table as a matrix, one column for each party: as Markdown, as one HTML page, as JSON."""

import json
from html import escape
from typing import Any

import msgspec

from wos_conformance.responsibility.table import PARTIES, Party, Row, Share, Table

MARKS: dict[Share, str] = {"owns": "O", "part": "P", "may": "f", "informed": "i", "must not": "×", "": ""}
HEADS: dict[Party, str] = {
    "wos": "WOS",
    "agent": "agent",
    "identity-service": "identity",
    "device-owner": "owner",
    "kubernetes-control-plane": "Kubernetes",
    "container-runtime": "runtime",
    "application-supplier": "supplier",
    "registry": "registry",
    "end-user": "user",
}
LEGEND = "O owns, P does part of it, f is free to, i is informed, × keeps out."
WRITTEN = "Written by `make generate` from responsibilities.yaml."
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; color: #1b1b1b; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem; }
th, td { border: 1px solid #c8c8c8; padding: .3rem .5rem; vertical-align: top; text-align: left; }
th { position: sticky; top: 0; background: #f3f3f3; }
td.share { text-align: center; width: 3.5rem; }
.owns { background: #cfe8cf; font-weight: bold; }
.must-not { background: #f6d5d0; }
code { font-size: .85em; }
small { color: #555; }
"""


def as_json(table: Table) -> str:
    """All of the table, as JSON."""
    return json.dumps(msgspec.to_builtins(table), indent=1, ensure_ascii=False) + "\n"


def as_markdown(table: Table) -> str:
    """The matrix, how often each party owns or keeps out, and the boundary tests."""
    parts = [
        "# Matrix of responsibilities",
        f"{WRITTEN}\n{LEGEND}",
        _grid(["Party", "", "owns", "keeps out of"], [_total(table, party) for party in PARTIES]),
    ]
    for theme in table.themes:
        heads = ["Row", "Responsibility", *HEADS.values(), "Release", "Rules"]
        parts += [f"## {theme.title}", _grid(heads, [_cells(row) for row in theme.rows])]
    parts += ["## Boundary tests", "A tap is a look that no test has yet.", _grid(_TESTS, _tests(table))]
    parts += ["## Taps", _grid(["Tap", "Shows"], [[f"`{name}`", says] for name, says in table.taps.items()])]
    return "\n\n".join(parts) + "\n"


_TESTS = ["Test", "Given", "Broken by", "Bad partner", "Rules", "Taps"]


def _total(table: Table, party: Party) -> list[str]:
    shares = [row.share(party) for row in table.rows()]
    return [HEADS[party], table.parties[party], str(shares.count("owns")), str(shares.count("must not"))]


def _cells(row: Row) -> list[str]:
    shares = [MARKS[row.share(party)] for party in PARTIES]
    return [f"`{row.id}`", row.statement, *shares, row.release, _codes(row.guards)]


def _tests(table: Table) -> list[list[str]]:
    return [
        [
            f"{name} {test.title}",
            test.given,
            test.broken_by,
            f"`{test.bad_partner}`",
            _codes(test.rules),
            _codes(test.taps),
        ]
        for name, test in table.boundary_tests.items()
    ]


def _codes(names: list[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


def _grid(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def as_html(table: Table) -> str:
    """One page that needs nothing else; a row says why, where it shows, and why nobody can see what it forbids."""
    heads = "".join(f"<th>{escape(head)}</th>" for head in ["Responsibility", *HEADS.values(), "Release"])
    themes = "".join(
        f"<h2>{escape(theme.title)}</h2>\n<table>\n<tr>{heads}</tr>\n{''.join(map(_html_row, theme.rows))}</table>\n"
        for theme in table.themes
    )
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Matrix of responsibilities</title>\n'
        f"<style>{_STYLE}</style>\n<h1>Matrix of responsibilities</h1>\n"
        f"<p>{escape(WRITTEN)} {escape(LEGEND)}</p>\n{themes}</html>\n"
    )


def _html_row(row: Row) -> str:
    cells = "".join(
        f'<td class="share {row.share(party).replace(" ", "-")}" title="{HEADS[party]} {row.share(party)}">'
        f"{MARKS[row.share(party)]}</td>"
        for party in PARTIES
    )
    notes = "<br>".join(f"<small>{escape(note)}</small>" for note in _notes(row))
    head = f"<code>{row.id}</code><br>{escape(row.statement)}<br>{notes}"
    return f'<tr id="{row.id}"><td>{head}</td>{cells}<td>{row.release}</td></tr>\n'


def _notes(row: Row) -> list[str]:
    fields: dict[str, Any] = {
        "why": row.rationale,
        "shows at": ", ".join(row.interface),
        "rules": ", ".join(row.guards),
        "tests": ", ".join(row.tests),
    }
    unseen = [f"{HEADS[party]}: {why}" for party, why in row.must_not.items() if isinstance(why, str)]
    return [f"{name}: {text}" for name, text in fields.items() if text] + unseen
