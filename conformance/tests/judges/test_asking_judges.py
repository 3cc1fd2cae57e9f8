"""Which judges are asked about a history, and what they tell of it."""

import pytest

from life import day_of_agent, day_of_wos
from visits import Visits
from wos_conformance.judges import REGISTER, judge_history
from wos_conformance.specification import Specification

DAYS = {"wos": day_of_wos, "agent": day_of_agent}


@pytest.mark.parametrize("role", DAYS)
def test_all_judges_of_a_role_are_asked(role: str) -> None:
    """Those of a feature only when it is claimed."""
    history = DAYS[role]()
    rows = Specification.load().requirements
    asked = [name for name in REGISTER if rows[name].role == role and rows[name].feature is None]
    expected = {name: [found.kept for found in REGISTER[name](history)] for name in asked}
    findings = judge_history(history)
    assert findings.stumbled == {}
    for name in REGISTER:
        assert [found.kept for found in findings.judgements if found.requirement == name] == expected.get(name, [])


def test_one_judge_is_asked() -> None:
    """When only that one is wanted."""
    only = "desired-state.etag-is-digest"
    assert {found.requirement for found in judge_history(day_of_wos(), only).judgements} == {only}


@pytest.mark.parametrize(("features", "count"), [(["content-encoding"], 1), ([], 0)])
def test_judge_of_a_feature_is_asked_when_it_is_claimed(features: list[str], count: int) -> None:
    """Otherwise the rule binds nobody."""
    story = Visits(features)
    story.serves(1, headers=["Accept-Encoding: gzip"])
    asked = [found.requirement for found in judge_history(story.history).judgements]
    assert asked.count("desired-state.gzip-offered") == count


def test_broken_rule_tells_what_was_asked() -> None:
    """When the judge says nothing else."""
    story = Visits()
    story.polls(500)
    assert [found.did for found in story.judged("errors.no-server-error")] == ["GET /api/v1/deployments"]
