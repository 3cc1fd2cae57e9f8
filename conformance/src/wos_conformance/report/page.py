"""What `scenarios.html` shows with each scenario: requirements, level, verdict, first broken occasion."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import pytest
from pytest_html import extras as pytest_html_extras
from pytest_metadata.plugin import metadata_key

from wos_conformance.history import Header
from wos_conformance.judges import Judgement
from wos_conformance.specification import Specification

if TYPE_CHECKING:
    from wos_conformance.suite.outcome import Result


def pytest_html_report_title(report: Any) -> None:
    """The title of the page."""
    report.title = "Scenarios"


def show_facts(config: pytest.Config, header: Header) -> None:
    """Tell above the table which run this is."""
    names = ("target", "role", "specification", "suite", "depth", "seed", "started", "run")
    config.stash[metadata_key].clear()
    config.stash[metadata_key].update({name.capitalize(): str(getattr(header, name)) for name in names})


def pytest_html_results_table_header(cells: list[str]) -> None:
    """Two more columns: the situation in a sentence, and how many rules had an occasion."""
    cells.insert(2, "<th>Situation</th>")
    cells.insert(3, '<th class="sortable" data-column-type="rules">Rules</th>')


def pytest_html_results_table_row(report: pytest.TestReport, cells: list[str]) -> None:
    """Fill the two columns."""
    cells.insert(2, f"<td>{escape(getattr(report, 'situation', ''))}</td>")
    cells.insert(3, f'<td class="col-rules">{getattr(report, "rules", 0)}</td>')


def extras(result: "Result") -> list[dict[str, Any]]:
    """The table below a scenario, as extras of pytest-html."""
    rows = [_row(requirement, result.judgements) for requirement in _ids(result)]
    head = "<tr><th>Requirement</th><th>Level</th><th>Verdict here</th><th>Occasions</th><th>First broken</th></tr>"
    return [pytest_html_extras.html(f"<table>{head}{''.join(rows)}</table>")]


def _ids(result: "Result") -> Sequence[str]:
    """The rules that were broken, those that the scenario is about, and all others that it gave occasion to."""
    broken = dict.fromkeys(judgement.requirement for judgement in result.judgements if not judgement.kept)
    seen = sorted({judgement.requirement for judgement in result.judgements})
    return list(dict.fromkeys([*broken, *result.requirements, *seen]))


def _row(requirement: str, judgements: Sequence[Judgement]) -> str:
    mine = [judgement for judgement in judgements if judgement.requirement == requirement]
    broken = next((judgement for judgement in mine if not judgement.kept), None)
    verdict = "failed" if broken else "passed" if mine else "not tested"
    told = f"expected {broken.expected}; received {broken.received} (event {broken.event})" if broken else ""
    level = Specification.load().requirements[requirement].keyword
    cells = (requirement, level, verdict, str(len(mine)), told)
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
