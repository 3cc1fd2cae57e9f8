"""Every published rule is answered: by requirements that name it as their source, or by a reason."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from version import FOLDER, INDEX, SCHEMAS

from wos_conformance import alignment
from wos_conformance.specification import Specification, SpecificationError

RULES: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / alignment.SOURCE).read_bytes())
AREAS = "|".join({name.partition(".")[0] for name in INDEX})


def test_every_number_is_listed_once() -> None:
    """In order and without a gap, in the data as on the page."""
    numbers = [f"N{number:03}" for number in range(1, 262)]
    text = (FOLDER / alignment.SOURCE).read_text("utf-8")
    assert re.findall(r"^(N\d+):", text, re.MULTILINE) == numbers
    page = alignment.page(alignment.lines(Specification.read(FOLDER)))
    assert re.findall(r"^\| (N\d+) \|", page, re.MULTILINE) == numbers


@pytest.mark.parametrize("number", RULES)
def test_rule_can_be_read_by_itself(number: str) -> None:
    """Who is bound, one short sentence, and nothing else but a reason."""
    rule = RULES[number]
    assert rule.keys() in ({"binds", "says"}, {"binds", "says", "kind", "because"})
    assert re.fullmatch(r"[A-Z].*\.", rule["says"])
    assert len(rule["says"].split()) <= 12
    assert rule.get("because", ".").endswith(".")


@pytest.mark.parametrize("number", [number for number in RULES if "because" in RULES[number]])
def test_reason_refers_to_what_exists(number: str) -> None:
    """Requirements, schemas and other published rules."""
    reason = RULES[number]["because"]
    assert set(re.findall(rf"\b(?:{AREAS})\.[a-z0-9-]+", reason)) <= set(INDEX)
    assert set(re.findall(r"schema ([a-z-]+)", reason)) <= set(SCHEMAS)
    assert set(re.findall(r"N\d{3}", reason)) <= set(RULES) - {number}


@pytest.mark.parametrize("name", [name for name in INDEX if INDEX[name]["origin"] in {"margo", "resolved"}])
def test_rule_of_the_published_text_names_its_sources(name: str) -> None:
    """Once each, and they exist."""
    sources = INDEX[name]["source"]
    assert len(sources) == len(set(sources)) > 0
    assert set(sources) <= set(RULES)


CONTRADICTIONS = {
    "has a reason, and rules: status.polite": {"kind": "freedom", "because": "Why not."},
    "has no rule and no kind of reason": {},
    "names the source N001": None,
}


@pytest.mark.parametrize("told", CONTRADICTIONS)
def test_alignment_that_contradicts_the_index_is_refused(told: str, tmp_path: Path) -> None:
    """The sentence says where."""
    row = {"role": "agent", "origin": "margo", "source": ["N002" if "no rule" in told else "N001"]}
    (tmp_path / "requirements.yaml").write_text(yaml.safe_dump({"status.polite": row}))
    (tmp_path / "status.md").write_text("> **status.polite** An agent MUST say please.\n", "utf-8")
    reason = CONTRADICTIONS[told]
    first = {} if reason is None else {"N001": {"binds": "agent", "says": "Says please.", **reason}}
    rules = first | {"N002": {"binds": "agent", "says": "Says it.", "kind": "freedom"}}
    if "no rule" in told:
        del rules["N002"]["kind"]
    (tmp_path / alignment.SOURCE).write_text(yaml.safe_dump(rules))
    with pytest.raises(SpecificationError, match=told):
        alignment.lines(Specification.read(tmp_path))
