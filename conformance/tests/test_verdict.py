"""The fold: no occasion, no pass; no sign of life, no pass; one broken occasion fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from told import MANIFEST, alive, begun, exchanged
from wos_conformance.history import Control, History, Mark, Recorder
from wos_conformance.judges import Findings, Judgement
from wos_conformance.specification import Specification
from wos_conformance.verdict import Outcome, Verdict, fold, missing_signs_of_life

RULE = "desired-state.etag-is-digest"
SPECIFICATION = Specification.load()


def kept(event: int, rule: str = RULE) -> Judgement:
    """An occasion on which a rule was kept."""
    return Judgement(rule, kept=True, event=event)


def broken(event: int, rule: str = RULE) -> Judgement:
    """An occasion on which it was not."""
    return Judgement(rule, kept=False, event=event, expected="this", received="that")


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    """A history that has begun."""
    with begun(tmp_path) as recorder:
        yield recorder


def verdict_of(recorder: Recorder, *judgements: Judgement, stumbled: dict[str, str] | None = None) -> Verdict:
    """The verdict on what was recorded, as far as these judgements go."""
    recorder.close(complete=True, scenarios=1, errors=[])
    return fold(SPECIFICATION, History.read(recorder.folder), Findings(list(judgements), stumbled or {}))


def outcome_of(recorder: Recorder, *judgements: Judgement) -> Outcome:
    """The outcome for the one rule."""
    return verdict_of(recorder, *judgements).outcomes[RULE]


def test_no_occasion_is_no_pass(recorder: Recorder) -> None:
    """The rule is not tested."""
    alive(recorder)
    outcome = outcome_of(recorder)
    assert (outcome.state, outcome.reason) == ("not-tested", "no occasion")


def test_kept_occasion_is_a_pass_of_a_living_target(recorder: Recorder) -> None:
    """One is enough."""
    alive(recorder)
    assert outcome_of(recorder, kept(2)).state == "passed"


def test_one_broken_occasion_fails_among_many_kept(recorder: Recorder) -> None:
    """The first one in time is told."""
    alive(recorder)
    outcome = outcome_of(recorder, kept(1), broken(3), broken(2), kept(3))
    assert (outcome.state, outcome.broken) == ("failed", 2)
    assert outcome.first_broken
    assert outcome.first_broken.event == 2


def test_lifeless_target_passes_nothing_and_can_fail(recorder: Recorder) -> None:
    """A facade earns not a single pass."""
    exchanged(recorder, "GET /api/v1/deployments HTTP/1.1", "HTTP/1.1 200 OK", b"{}")
    outcome = outcome_of(recorder, kept(1))
    assert outcome.state == "not-tested"
    assert outcome.reason == "no sign of life: it accepted the capabilities of no device"


def test_lifeless_target_fails_what_it_breaks(recorder: Recorder) -> None:
    """Being dead is no excuse."""
    assert outcome_of(recorder, broken(0)).state == "failed"


@pytest.mark.parametrize("tag", ['"a"', '"b"'], ids=["confirmed", "another-tag"])
def test_wos_lives_when_a_conditional_poll_confirms_its_manifest(recorder: Recorder, tag: str) -> None:
    """The 304 is about the tag of a manifest that it served."""
    exchanged(recorder, "PUT /api/v1/capabilities/d HTTP/1.1", "HTTP/1.1 200 OK")
    exchanged(recorder, "GET /api/v1/deployments HTTP/1.1", f"HTTP/1.1 200 OK\nETag: {tag}", MANIFEST)
    exchanged(recorder, 'GET /api/v1/deployments HTTP/1.1\nIf-None-Match: "a"', "HTTP/1.1 304 Not Modified")
    assert (missing_signs_of_life(recorder.history()) is None) is (tag == '"a"')


@pytest.mark.parametrize("served", ["made-up-name", "recorded"], ids=["what-was-assigned", "a-recording"])
def test_wos_lives_when_a_document_names_what_was_assigned(recorder: Recorder, served: str) -> None:
    """The names are those of this run; a recording of another one has others."""
    alive(recorder)
    application = {"deploymentProfiles": [{"components": [{"name": "made-up-name"}]}]}
    facts = {"request": {"application": application}, "response": {}, "outcome": "done"}
    recorder.record(Control, verb="assign", started=0.0, ended=0.0, **facts)
    exchanged(recorder, "GET /api/v1/deployments/d/sha256:0 HTTP/1.1", "HTTP/1.1 200 OK", served.encode())
    assert (missing_signs_of_life(recorder.history()) is None) is (served == "made-up-name")


@pytest.mark.parametrize(("twin", "state"), [("200 OK", "passed"), ("403 Forbidden", "not-tested")])
def test_negative_counts_only_beside_its_positive_twin(recorder: Recorder, twin: str, state: str) -> None:
    """Who refuses everybody has not shown that it refuses the right ones."""
    alive(recorder)
    positive = exchanged(recorder, "GET /api/v1/deployments HTTP/1.1", f"HTTP/1.1 {twin}")
    begin = recorder.record(Mark, what="attempt", phase="begin", name="expired", twin=positive.seq)
    recorder.record(Mark, what="attempt", phase="end", name="expired", twin=positive.seq)
    assert outcome_of(recorder, kept(begin.seq)).state == state


def test_broken_negative_counts_whatever_became_of_its_twin(recorder: Recorder) -> None:
    """A refused twin is no licence."""
    alive(recorder)
    positive = exchanged(recorder, "GET /api/v1/deployments HTTP/1.1", "HTTP/1.1 403 Forbidden")
    begin = recorder.record(Mark, what="attempt", phase="begin", name="expired", twin=positive.seq)
    recorder.record(Mark, what="attempt", phase="end", name="expired", twin=positive.seq)
    assert outcome_of(recorder, broken(begin.seq)).state == "failed"


def test_blocked_scenario_is_named(recorder: Recorder) -> None:
    """The report says where the target stopped."""
    alive(recorder)
    recorder.record(Mark, what="scenario", phase="begin", name="situation", requirements=[RULE])
    reason = "went no further: expected status 200, received status 500 (event 9)"
    recorder.record(Mark, what="scenario", phase="end", name="situation", outcome="blocked", reason=reason)
    outcome = outcome_of(recorder)
    assert outcome.reason == "blocked in situation: expected status 200, received status 500 (event 9)"


def everything_kept() -> list[Judgement]:
    """Each rule of a WOS was kept once."""
    return [kept(1, requirement.id) for requirement in SPECIFICATION.role("wos")]


def test_everything_kept_is_conformant(recorder: Recorder) -> None:
    """Both claims hold."""
    alive(recorder)
    verdict = verdict_of(recorder, *everything_kept())
    assert (verdict.exit_code, set(verdict.claims.values())) == (0, {True})


def test_broken_should_is_a_deviation(recorder: Recorder) -> None:
    """It is counted and stands against no claim."""
    alive(recorder)
    should = next(row.id for row in SPECIFICATION.role("wos") if row.level == "SHOULD")
    verdict = verdict_of(recorder, *everything_kept(), broken(1, should))
    assert verdict.outcomes[should].state == "failed"
    assert verdict.exit_code == 0


@pytest.mark.parametrize("origin", ["margo", "resolved"])
def test_claims_are_made_apart(recorder: Recorder, origin: str) -> None:
    """What Margo does not say stands against our claim alone."""
    alive(recorder)
    rule = next(row.id for row in SPECIFICATION.role("wos") if (row.level, row.origin) == ("MUST", origin))
    verdict = verdict_of(recorder, *everything_kept(), broken(1, rule))
    assert verdict.claims == {"margo-1.0.0-rc.3": origin != "margo", "wos-agent-1.0": False}
    assert verdict.exit_code == 1


def test_one_must_without_occasion_is_no_claim(recorder: Recorder) -> None:
    """Nothing is taken for granted."""
    alive(recorder)
    verdict = verdict_of(recorder, *(j for j in everything_kept() if j.requirement != RULE))
    assert (verdict.exit_code, verdict.reasons) == (1, ("1 MUST not tested",))


def test_diagnostic_run_is_no_claim(tmp_path: Path) -> None:
    """Even when nothing is broken."""
    recorder = begun(tmp_path, diagnostic=["only this was selected"])
    alive(recorder)
    verdict = verdict_of(recorder, *everything_kept())
    assert (verdict.exit_code, verdict.conformant, set(verdict.claims.values())) == (1, False, {False})


def test_stumbling_judge_is_an_error_of_ours(recorder: Recorder) -> None:
    """Exit code 3, whatever else was found."""
    alive(recorder)
    verdict = verdict_of(recorder, *everything_kept(), stumbled={RULE: "KeyError('x')"})
    assert verdict.outcomes[RULE].state == "error"
    assert verdict.exit_code == 3
    assert verdict.reasons == (f"the judge of {RULE} stumbled: KeyError('x')",)


def test_empty_run_cannot_be_judged(recorder: Recorder) -> None:
    """Zero occasions overall is an error."""
    verdict = verdict_of(recorder)
    assert (verdict.exit_code, verdict.reasons) == (3, ("no rule had an occasion",))


def test_features_decide_which_rules_apply(tmp_path: Path) -> None:
    """A rule of a feature binds who claims it; some rules bind only who does not."""
    with begun(tmp_path, features=["tls-1.2"]) as recorder:
        alive(recorder)
        outcomes = verdict_of(recorder).outcomes
    told = {name: outcomes[f"identity.wos-tls-1-2-{name}"].reason for name in ("off", "suites")}
    assert told == {"off": "feature tls-1.2 is claimed", "suites": "no occasion"}
    assert outcomes["desired-state.gzip-offered"].reason == "feature content-encoding is not claimed"
