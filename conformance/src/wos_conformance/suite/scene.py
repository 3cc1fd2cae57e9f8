"""What both roles share while a scenario plays: the run, random content, and a way to say that it is blocked."""

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from random import Random
from typing import Any, ParamSpec

from hypothesis import HealthCheck, Phase, reject, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from wos_conformance.control import Control, ControlUnsupported
from wos_conformance.drive.relay import Path
from wos_conformance.drive.trust_domain import Svid
from wos_conformance.history import Credential, Mark, Recorder
from wos_conformance.suite.settings import Settings

P = ParamSpec("P")


class Blocked(Exception):
    """The target did not come far enough for the rest of the scenario; never a verdict by itself."""


class _Ended(BaseException):
    """Goes through Hypothesis as an interruption does, so that nothing is tried again or made smaller."""

    def __init__(self, hindrance: Exception) -> None:
        super().__init__(hindrance)
        self.hindrance = hindrance


@contextmanager
def all_examples() -> Iterator[None]:
    """All examples of a property; what has blocked one of them is raised in the end."""
    try:
        yield
    except _Ended as ended:
        raise ended.hindrance from None


@dataclass
class Run:
    """What a run has for all its scenarios."""

    settings: Settings
    recorder: Recorder
    control: Control | None
    judge_slice: Callable[[int], None]
    """Raises the exception class of a rule that the events from this `seq` on break."""
    shown: dict[Credential, Svid] = field(default_factory=dict)
    """What the visitors of this scenario have shown, by the name that the history gives it."""
    repeats: int = 0
    """How often the scenario that plays now was played before."""


class Scene:
    """One scenario while it plays. Role-specific stages add the words of their side."""

    def __init__(self, run: Run, name: str) -> None:
        self.run = run
        self.name = name
        take = zlib.crc32(f"{name}{' again' * run.repeats}".encode())
        self.random = Random(run.settings.seed ^ take)
        seed = run.settings.relay_seed
        self.path = Path(run.recorder, None if seed is None else seed ^ take)
        self._shrinks = False

    @property
    def recorder(self) -> Recorder:
        """Where everything that happens is written."""
        return self.run.recorder

    def declared(self, name: str) -> float:
        """A declared value of the target in seconds (README of the specification, "Declared values")."""
        return self.run.settings.declared[name]

    def control(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Ask the test control for a verb.

        Raises:
            Blocked: the run has no test control.
            ControlUnsupported: the target does not offer this optional verb.
            ControlFailed: the control itself does not work.
        """
        if self.run.control is None:
            raise Blocked(f"needs the test control ({verb})")
        return self.run.control.call(verb, **arguments)

    @contextmanager
    def mark(self, what: str, name: str, twin: int | None = None) -> Iterator[int]:
        """Surround a part of the history; yields the `seq` of its beginning."""
        begin = self.recorder.record(Mark, what=what, phase="begin", name=name, twin=twin)
        try:
            yield begin.seq
        finally:
            self.recorder.record(Mark, what=what, phase="end", name=name, twin=twin)

    @contextmanager
    def example(self) -> Iterator[int]:
        """One example of a property: a slice of the history, judged when it ends; yields the `seq` of its beginning.

        One that is blocked is the last, unless one has broken a rule and is being shrunk.
        """
        hindrance = None
        try:
            with self.mark("example", self.name) as begin:
                try:
                    yield begin
                except (Blocked, ControlUnsupported) as stopped:
                    hindrance = stopped
            self.run.judge_slice(begin)
        except AssertionError:
            self._shrinks = True
            raise
        if hindrance and self._shrinks:
            reject()
        if hindrance:
            raise _Ended(hindrance)

    def property(self, test: Callable[P, None]) -> Callable[P, None]:
        """Let Hypothesis drive `test` with as many examples as the depth of the run says."""
        return self._driven(test, self.run.settings.amounts.examples)

    def generated(self, test: Callable[P, None]) -> Callable[P, None]:
        """Let Hypothesis drive `test` with as many cases for one operation as the depth of the run says."""
        return self._driven(test, self.run.settings.amounts.cases)

    def play(
        self, machine: type[RuleBasedStateMachine], programs: float = 1.0, steps: float = 1.0, least: int = 1
    ) -> None:
        """Let Hypothesis play programs of a state machine whose examples judge themselves.

        The numbers are the parts of the usual programs, and of the usual steps of each, when a step takes long;
        `least` programs are played at any depth.
        """
        amounts = self.run.settings.amounts
        max_examples = max(least, round(amounts.programs * programs))
        step_count = max(1, round(amounts.steps * steps))
        chosen = self._settings(max_examples=max_examples, stateful_step_count=step_count)
        with all_examples():
            run_state_machine_as_test(machine, settings=chosen)

    def _driven(self, test: Callable[P, None], examples: int) -> Callable[P, None]:
        def example(*arguments: P.args, **keywords: P.kwargs) -> None:
            with self.example():
                inner(*arguments, **keywords)

        inner = test.hypothesis.inner_test  # type: ignore[attr-defined]
        test.hypothesis.inner_test = wraps(inner)(example)  # type: ignore[attr-defined]
        driven = self._settings(max_examples=examples)(test)

        def whole(*arguments: P.args, **keywords: P.kwargs) -> None:
            with all_examples():
                driven(*arguments, **keywords)

        return whole

    def _settings(self, **chosen: Any) -> settings:
        """No database and no deadline, because a seed repeats the run and targets may be slow."""
        return settings(
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if self.run.settings.shrink else [Phase.generate],
            print_blob=False,
            **chosen,
        )
