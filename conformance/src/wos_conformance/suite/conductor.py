"""Leads a run through its scenarios: opens the history, judges each slice, notes what stood in the way."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from wos_conformance.control import Control, open_control
from wos_conformance.drive.relay import Relay, place_of
from wos_conformance.drive.trust_domain import TrustDomain
from wos_conformance.history import Exchange, Footer, History, Mark, Recorder, last_line
from wos_conformance.judges import Judgement, judge_history
from wos_conformance.reach import binds, is_reached
from wos_conformance.report.failure import failure_text, replay_name
from wos_conformance.specification import Specification
from wos_conformance.suite.heading import heading
from wos_conformance.suite.outcome import BrokenRule, Outcome, Result, broken_rule, is_blocked, programs
from wos_conformance.suite.scene import Run
from wos_conformance.suite.settings import Settings
from wos_conformance.suite.turn import ALONE, Turns

if TYPE_CHECKING:
    from wos_conformance.drive.double import Double
    from wos_conformance.suite.agent.resident import Resident

_EVER = float("inf")


@dataclass
class _Scenario:
    name: str
    title: str
    requirements: Sequence[str]
    begin: int
    first_example: int | None = None
    result: Result | None = None


class Conductor:
    """One run of scenarios in this process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.specification = Specification.load()
        share = settings.share
        self.turns = None if share is None else Turns(share)
        worker, began = (share.worker, share.began) if share else (0, None)
        self.recorder = Recorder(Path(settings.folder), worker, began)
        own = settings.own_control
        self.control: Control | None = open_control(own, self.recorder) if own else None
        self.errors: list[str] = []
        self.run = Run(settings, self.recorder, self.control, self.judge_example)
        self._expected = self._taken = self._played = 0
        self._double: Double | None = None
        self._relay: Relay | None = None
        self._resident: Resident | None = None
        self._scenario: _Scenario | None = None
        heading(self.recorder, settings, self.specification, self.trust_domain)

    @cached_property
    def trust_domain(self) -> TrustDomain:
        """The trust domain of the run: the one that was installed at the WOS, or a throw-away one for an agent."""
        if self.settings.credentials:
            installed = TrustDomain.load(Path(self.settings.credentials))
            if self.settings.trust_bundle:
                installed.installed_pem = Path(self.settings.trust_bundle).read_bytes()
            return installed
        return TrustDomain.create("plant.example", f"wos-{self.settings.seed:x}")

    def plays(self, requirements: Sequence[str], verbs: Sequence[str], *, vital: bool) -> bool:
        """Whether a scenario belongs into this run; vital signs are taken in each."""
        applicable = {name for name in requirements if self._applies(name)}
        wanted = vital or not self.settings.only or bool(applicable & set(self.settings.only))
        reached = any(is_reached(self.specification.requirement(name), self.settings.level) for name in applicable)
        return wanted and (vital or reached or not requirements) and (self.control is not None or not verbs)

    def _applies(self, requirement: str) -> bool:
        """Whether a requirement binds what is claimed of the target."""
        return binds(self.specification.requirement(requirement), self.settings.features)

    def expect(self, scenarios: int) -> None:
        """How many scenarios will be played."""
        self._expected = scenarios

    def takes(self, number: int, verbs: Sequence[str]) -> bool:
        """Whether this worker plays the scenario of this number."""
        if self._is_late():
            return False
        taken = self.turns is None or self.turns.takes(number, alone=not ALONE.isdisjoint(verbs))
        self._taken += taken
        return taken

    def _is_late(self) -> bool:
        """Whether the time that the run may take is used up."""
        budget = self.settings.time_budget
        return budget is not None and self.recorder.now() > budget

    def begin(self, name: str, title: str, requirements: Sequence[str]) -> None:
        """A scenario begins."""
        event = self.recorder.record(
            Mark, what="scenario", phase="begin", name=name, title=title, requirements=list(requirements)
        )
        self._scenario = _Scenario(name, title, requirements, event.seq)

    def end(self, *, may_repeat: bool) -> None:
        """The scenario has ended; its outcome is written down, and whether it is to be played again."""
        scenario = self._scenario
        assert scenario is not None
        result = scenario.result or Result(scenario.name, scenario.title, "error", "the scenario did not run")
        is_repeated = may_repeat and self._fell_short(result) and self._broke(scenario.begin)
        self.run.repeats = int(is_repeated)
        if is_repeated:
            result = replace(result, outcome="repeated", text=f"{result.text} (a connection broke; played again)")
        self.recorder.record(
            Mark, what="scenario", phase="end", name=scenario.name, outcome=result.outcome, reason=result.text
        )
        if not is_repeated:
            self._played += 1
            self._progress(result)

    def _fell_short(self, result: Result) -> bool:
        """Whether a scenario was blocked, or gave no occasion for something that it is about."""
        given = {judgement.requirement for judgement in result.judgements}
        missing = any(self._applies(name) and name not in given for name in result.requirements)
        return result.outcome == "blocked" or (result.outcome == "played" and missing)

    def _broke(self, begin: int) -> bool:
        """Whether a connection broke, and nobody had scripted it, in the events from one on."""
        part = self.recorder.history().slice(begin)
        unexplained = (view.failure for view in part.exchanges() if view.answered is None)
        return any(failure not in (None, "timeout") for failure in unexplained) or part.has_break_between(0, _EVER)

    def conclude(self, error: BaseException | None) -> Result:
        """What the slice of the current scenario shows, given how the scenario itself ended."""
        scenario = self._scenario
        assert scenario is not None
        judgements = self._judged(scenario.begin)
        scenario.result = Result(
            scenario.name,
            scenario.title,
            self._outcome(error, judgements),
            self._text(error, judgements),
            judgements,
            scenario.requirements,
        )
        if scenario.result.outcome == "broken":
            self._keep_credentials(judgements)
        self.run.shown.clear()
        if scenario.result.outcome == "error":
            self.errors.append(f"{scenario.name}: {error!r}")
        return scenario.result

    def _keep_credentials(self, judgements: Sequence[Judgement]) -> None:
        """Lay what was shown where a rule was broken beside the credentials, so that somebody can show it again."""
        history = self.recorder.history()
        for judgement in judgements:
            event = None if judgement.kept else history.event(judgement.event)
            credential = history.credential(event.connection) if isinstance(event, Exchange) else None
            if credential in self.run.shown and self.settings.credentials:
                self.run.shown[credential].save(Path(self.settings.credentials) / "replay" / replay_name(credential))

    def _judged(self, begin: int) -> list[Judgement]:
        """What the events from one on show; an agent that lives through all scenarios needs all of its past."""
        live = self.recorder.history()
        if self._resident is None:
            return judge_history(live.slice(begin)).judgements
        return [judgement for judgement in judge_history(live).judgements if judgement.event >= begin]

    def judge_example(self, begin: int) -> None:
        """Judge one example together with what came before the first example of its scenario.

        Raises:
            BrokenRule: of the class of the first rule that the example breaks.
        """
        scenario = self._scenario
        assert scenario is not None
        if scenario.first_example is None:
            scenario.first_example = begin
        live = self.recorder.history()
        events = [*live.events[scenario.begin : scenario.first_example], *live.events[begin:]]
        part = live.of_events(events)
        broken = [j for j in judge_history(part).judgements if not j.kept and j.event >= begin]
        if broken:
            first = min(broken, key=lambda judgement: judgement.event)
            raise broken_rule(first.requirement)(self._failure(first, live))

    @contextmanager
    def wos_stage(self, name: str) -> Iterator[object]:
        """The stage of a scenario for a WOS."""
        from wos_conformance.suite.wos.stage import Stage

        stage = Stage(self.run, name, self.trust_domain)
        try:
            yield stage
            if self._has_played():
                stage.clean_up()
        finally:
            stage.close()

    def _has_played(self) -> bool:
        """Whether the current scenario has ended well; one that broke a rule leaves all as it was, to be seen again."""
        scenario = self._scenario
        return scenario is not None and scenario.result is not None and scenario.result.outcome == "played"

    @contextmanager
    def agent_stage(self, name: str) -> Iterator[object]:
        """The stage of a scenario for an agent; without test control all share one double and one agent."""
        from wos_conformance.suite.agent.resident import Resident
        from wos_conformance.suite.agent.stage import Stage

        if self.control is None and self._double is None:
            self._double = self._lasting_double()
        stage = Stage(self.run, name, self.trust_domain, self._double)
        if self._double is not None:
            self._resident = stage.resident = self._resident or Resident(stage)
        try:
            yield stage
        finally:
            stage.close()

    def _lasting_double(self) -> "Double":
        from wos_conformance.drive.double import Double

        host, _, port = self.settings.listen.rpartition(":")
        listen = (host, int(port))
        if self.settings.relay_seed is None:
            return Double(self.recorder, self.trust_domain, listen)
        double = Double(self.recorder, self.trust_domain)
        self._relay = Relay(self.recorder, self.settings.relay_seed, place_of(double.url), listen)
        return double

    def close(self) -> None:
        """Write the footer."""
        if self._double is not None:
            self._double.close()
        if self._relay is not None:
            self._relay.close()
        others = self._footers()
        played_by_others = sum(footer.scenarios for footer, _ in others)
        played = self._played + played_by_others
        due = self._expected if self._is_first and self.settings.time_budget is None else self._taken + played_by_others
        heads = [head for _, head in others]
        self.recorder.close(complete=played == due, scenarios=self._played, errors=self.errors, others=heads)

    @property
    def _is_first(self) -> bool:
        return self.turns is None or self.turns.is_first

    def _footers(self) -> list[tuple[Footer, str]]:
        """The footers of the other workers, for worker 0, and the SHA-256 digests of their lines."""
        share = self.settings.share
        workers = range(1, share.workers) if share and self._is_first else ()
        return [last_line(Path(self.settings.folder), worker) for worker in workers]

    def _failure(self, judgement: Judgement, history: History) -> str:
        return failure_text(self.specification.requirements[judgement.requirement], judgement, history)

    def _outcome(self, error: BaseException | None, judgements: Sequence[Judgement]) -> Outcome:
        if any(not judgement.kept for judgement in judgements):
            return "broken"
        if error is None:
            return "played"
        return "blocked" if is_blocked(error) else "error"

    def _text(self, error: BaseException | None, judgements: Sequence[Judgement]) -> str:
        first: dict[str, Judgement] = {}
        for judgement in judgements:
            if not judgement.kept:
                first.setdefault(judgement.requirement, judgement)
        live = self.recorder.history()
        texts = [self._failure(judgement, live) for judgement in first.values()]
        if is_blocked(error):
            texts.append(f"went no further: {error}")
        elif error is not None:
            texts += programs(error) if isinstance(error, BrokenRule | BaseExceptionGroup) else [repr(error)]
        return "\n\n".join(texts)

    def _progress(self, result: Result) -> None:
        sign = {"played": " ", "broken": "✗", "blocked": "-", "error": "!"}[result.outcome]
        played = self._played if self.turns is None else self.turns.taken
        remaining = self.recorder.now() / played * (self._expected - played)
        line = f"{sign} {played:>3}/{self._expected} {result.name}"
        os.write(2, f"{line[:65]:<66}{_minutes(remaining)} left\n".encode())


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60:>3}:{int(seconds) % 60:02}"
