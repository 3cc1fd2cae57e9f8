"""`report.json`: the verdict of a run, computed from its history alone, byte for byte the same each time."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path
from typing import Any

from wos_conformance.history import History, Mark, Remark
from wos_conformance.judges import Judgement, judge_history
from wos_conformance.reach import reach
from wos_conformance.report.failure import failure_text
from wos_conformance.report.junit import junit_bytes
from wos_conformance.requirement import Requirement
from wos_conformance.specification import Specification
from wos_conformance.verdict import Outcome, Verdict, fold

SCHEMA_ID = "https://margo-wos-agent.example/conformance/report.schema.json"
REPORT = "report.json"
JUNIT = "junit.xml"
_ATTACHED = ("scenarios.html",)


@dataclass(frozen=True)
class Report:
    """The report as JSON value, beside the verdict that it was made from."""

    value: dict[str, Any]
    verdict: Verdict

    @property
    def exit_code(self) -> int:
        """0 conformant, 1 not conformant, 3 could not judge (design, "Verdicts and exit codes")."""
        return self.verdict.exit_code

    def files(self) -> dict[str, bytes]:
        """What the run folder holds beside the history, by name."""
        text = json.dumps(self.value, indent=1, ensure_ascii=False)
        return {REPORT: text.encode() + b"\n", JUNIT: junit_bytes(self.value)}


def schema() -> dict[str, Any]:
    """The JSON Schema of `report.json`."""
    loaded: dict[str, Any] = json.loads(files(__package__).joinpath("report.schema.json").read_bytes())
    return loaded


def compute(folder: Path) -> Report:
    """Judge the history of a folder.

    Raises:
        HistoryDamaged: a line, a blob or the chain is not as it was written.
    """
    history = History.read(folder, allow_cut=True)
    specification = Specification.load(history.header.specification)
    verdict = fold(specification, history, judge_history(history))
    value = {
        "$schema": SCHEMA_ID,
        "run": _run(history),
        "history": {"events": len(history.events), "head": history.head},
        "attached": {name: _digest(folder / name) for name in _ATTACHED if (folder / name).exists()},
        "conclusion": _conclusion(verdict, history),
        "requirements": [_row(outcome, history) for outcome in verdict.outcomes.values()],
        "scenarios": _scenarios(history),
        "remarks": _remarks(history),
    }
    return Report(value, verdict)


def write(folder: Path) -> Report:
    """Judge the history of a folder and write the report files beside it."""
    computed = compute(folder)
    for name, content in computed.files().items():
        (folder / name).write_bytes(content)
    return computed


def differences(folder: Path, computed: Report) -> list[str]:
    """Sentences that say which file of the folder differs from what its history says, and where."""
    stored = _stored_report(folder)
    found = [*_head_differs(stored, computed), *_attached_differ(folder, stored)]
    for name, expected in computed.files().items():
        path = folder / name
        content = path.read_bytes() if path.exists() else b""
        if content != expected and not (found and name == REPORT):
            at = _first_difference(content, expected)
            found.append(f"{name} differs from what the history says, first at byte {at} of {len(expected)}")
    return found


def _stored_report(folder: Path) -> dict[str, Any]:
    try:
        value = json.loads((folder / REPORT).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _head_differs(stored: dict[str, Any], computed: Report) -> Iterator[str]:
    head = computed.value["history"]["head"]
    named = _member(stored, "history").get("head", head)
    if named != head:
        yield f"history.ndjson does not end as {REPORT} says: expected a last line with SHA-256 {named}, found {head}"


def _attached_differ(folder: Path, stored: dict[str, Any]) -> Iterator[str]:
    named = _member(stored, "attached")
    for name in _ATTACHED:
        if name in named and not (folder / name).exists():
            yield f"{name} is missing, and {REPORT} names it"
        elif name in named and (found := _digest(folder / name)) != named[name]:
            yield f"{name} is not the file that {REPORT} names: expected {named[name]}, found {found}"


def _member(value: dict[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _first_difference(content: bytes, expected: bytes) -> int:
    pairs = enumerate(zip(content, expected, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(content), len(expected)))


def _digest(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def _run(history: History) -> dict[str, Any]:
    header = history.header
    names = (
        *("run", "role", "target", "specification", "specification_digest", "suite", "suite_digest", "seed", "depth"),
        *("level", "features", "declared", "diagnostic", "started"),
    )
    return {name: getattr(header, name) for name in names}


def _conclusion(verdict: Verdict, history: History) -> dict[str, Any]:
    header = history.header
    return {
        "conformant": verdict.conformant,
        "exit_code": verdict.exit_code,
        "claims": verdict.claims,
        "counts": verdict.counts,
        "reach": reach(Specification.load(header.specification), header.role, header.features),
        "reasons": list(verdict.reasons),
    }


def _row(outcome: Outcome, history: History) -> dict[str, Any]:
    requirement = outcome.requirement
    return {
        "id": requirement.id,
        "role": requirement.role,
        "level": requirement.keyword,
        "origin": requirement.origin,
        "sentence": requirement.sentence,
        "state": outcome.state,
        "scored": outcome.scored,
        "occasions": outcome.occasions,
        "broken": outcome.broken,
        "reason": outcome.reason,
        "first_broken": _broken(requirement, outcome.first_broken, history) if outcome.first_broken else None,
    }


def _broken(requirement: Requirement, judgement: Judgement, history: History) -> dict[str, Any]:
    return {
        "event": judgement.event,
        "did": judgement.did,
        "expected": judgement.expected,
        "received": judgement.received,
        "text": failure_text(requirement, judgement, history),
    }


def _remarks(history: History) -> list[dict[str, Any]]:
    """What the tools that made requests have to say, the first of each kind for each operation; never a verdict."""
    first: dict[tuple[str, str, str], dict[str, Any]] = {}
    for remark in history.of(Remark):
        key = remark.by, remark.operation, remark.fault
        about = dict(zip(("by", "operation", "fault"), key, strict=True))
        first.setdefault(key, {**about, "times": 0, "event": remark.subject, "told": remark.told})["times"] += 1
    return list(first.values())


def _scenarios(history: History) -> list[dict[str, Any]]:
    return [told for part in history.parts for told in _scenarios_of(part)]


def _scenarios_of(part: History) -> list[dict[str, Any]]:
    marks = [mark for mark in part.of(Mark) if mark.what == "scenario"]
    ends = [mark for mark in marks if mark.phase == "end"]
    begins = [mark for mark in marks if mark.phase == "begin"]
    return [
        {
            "name": begin.name,
            "title": begin.title,
            "requirements": begin.requirements,
            "event": begin.seq,
            "seconds": round(end.at - begin.at, 3) if end else None,
            "outcome": end.outcome if end else "cut",
            "told": end.reason if end else "the run ended in this scenario",
        }
        for begin, end in zip_longest(begins, ends)
    ]
