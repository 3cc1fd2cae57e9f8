"""What a run says at its end, in at most 80 columns."""

import shlex
from pathlib import Path
from textwrap import indent, wrap

from wos_conformance.report.report import REPORT, Report
from wos_conformance.suite.settings import DEPTHS

PROGRAM = "minimal program:\n"
_STATES = ("passed", "failed", "not-tested", "not-applicable", "error")


def summary(report: Report, folder: Path) -> str:
    """Failures first, then the counts for each level, then what it means and where the evidence lies."""
    value = report.value
    lines: list[str] = []
    for row in value["requirements"]:
        if row["state"] == "failed":
            lines += [row["first_broken"]["text"], ""]
    lines += _programs(value["scenarios"])
    lines += _not_tested(value["requirements"], told="no occasion" if value["run"]["diagnostic"] else None)
    lines += [_count_line(level, counts) for level, counts in value["conclusion"]["counts"].items()]
    lines += [_reach_line(value["run"]["level"], value["conclusion"]["reach"])]
    if value["remarks"]:
        lines += [f"remarks {len(value['remarks'])} in {REPORT}, which count for nothing"]
    lines += [f"depth   {value['run']['depth']}: {DEPTHS[value['run']['depth']]}"]
    lines += ["", *_meaning(report), f"evidence: {folder}"]
    return "\n".join(lines)


def surroundings(report: Report, url: str, credentials: str) -> str | None:
    """What a shell needs before it can run the `curl` lines; nothing when there are none."""
    texts = [row["first_broken"]["text"] for row in report.value["requirements"] if row["first_broken"]]
    if not any('"$WOS"' in text for text in texts):
        return None
    return f"for curl: cd to the evidence; WOS={shlex.quote(url)}; CREDENTIALS={shlex.quote(credentials)}"


def _programs(scenarios: list[dict[str, str]]) -> list[str]:
    """The smallest programs that break a rule, for the scenarios that Hypothesis wrote."""
    lines = []
    for scenario in scenarios:
        for program in scenario["told"].split(PROGRAM)[1:]:
            lines += [f"smallest program of {scenario['name']} that breaks a rule:", indent(program.strip(), "  "), ""]
    return lines


def _count_line(level: str, counts: dict[str, int]) -> str:
    parts = [
        f"{counts.get(state, 0)} {state.replace('-', ' ')}"
        for state in _STATES
        if counts.get(state) or state in _STATES[:3]
    ]
    return f"{level:<7} {', '.join(parts)}"


def _reach_line(level: int, reach: dict[str, int]) -> str:
    with_control = "" if level else f", with the test control it would reach {reach['1']}"
    return f"reach   {reach[str(level)]} MUST at level {level}{with_control}"


def _not_tested(rows: list[dict[str, object]], told: str | None) -> list[str]:
    """What was not tested, by reason; not the reason that a diagnostic run has told already by what it selected."""
    missing = [row for row in rows if row["state"] in {"not-tested", "error"} and row["level"] in {"MUST", "MUST NOT"}]
    reasons: dict[str, list[str]] = {}
    for row in (row for row in missing if row["reason"] != told):
        reasons.setdefault(str(row["reason"]), []).append(str(row["id"]))
    lines = []
    for reason, ids in reasons.items():
        lines += wrap(f"not tested ({reason}): {', '.join(ids)}", 80, subsequent_indent="  ", break_on_hyphens=False)
    return [*lines, ""] if lines else []


def _meaning(report: Report) -> list[str]:
    conclusion = report.value["conclusion"]
    role = report.value["run"]["role"]
    if report.exit_code == 0:
        text = (
            f"conformant: this {role} keeps every MUST of WOS-Agent {report.value['run']['specification']} that applies"
        )
    elif report.exit_code == 1 and report.value["run"]["diagnostic"]:
        text = f"no claim, a diagnostic run: {'; '.join(conclusion['reasons'])}"
    elif report.exit_code == 1:
        text = f"not conformant: {'; '.join(conclusion['reasons'])}"
    else:
        text = f"could not judge: {'; '.join(conclusion['reasons'])}"
    return wrap(text, 80)
