"""A WOS that changes its mind, lies and fails, made and shrunk by Hypothesis, against one agent an example."""

import sys
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from wos_conformance.suite.agent.stage import Device, Stage, Wanted

LIES = ["document-digest-wrong", "one-digest-wrong", "bundle-digest-wrong", "version-equal", "unreachable"]
FAILURES = ["status-500", "status-404", "reset", "truncated", "not-json"]


class Adversary(RuleBasedStateMachine):
    """Publishes good and bad manifests to an agent that begins with an empty device."""

    stage: ClassVar[Stage]
    device: Device

    def __init__(self) -> None:
        super().__init__()
        self.example = self.stage.example()
        self.wanted: list[Wanted] = []
        self.older: list[Wanted] | None = None

    @initialize()
    def begin(self) -> None:
        """A device of this example alone, so that a program repeats itself."""
        self.example.__enter__()
        self.device = self.stage.start()
        self.publish([])

    def teardown(self) -> None:
        """End the example, which judges its slice."""
        self.stage.leave()
        self.example.__exit__(*sys.exc_info())

    def publish(self, wanted: list[Wanted]) -> None:
        """Publish a good manifest and wait until it runs."""
        self.older = self.wanted if self.wanted and self.wanted != wanted else self.older
        self.wanted = wanted
        self.device.adopts(self.device.publish(*wanted))

    @rule(components=st.integers(1, 3))
    def add(self, components: int) -> None:
        """One more deployment."""
        self.publish([*self.wanted, self.device.install(components)])

    @precondition(lambda self: self.wanted)
    @rule(index=st.integers(0, 3))
    def change(self, index: int) -> None:
        """Another revision of a deployment."""
        chosen = index % len(self.wanted)
        self.publish([self.device.change(w) if i == chosen else w for i, w in enumerate(self.wanted)])

    @precondition(lambda self: self.wanted)
    @rule(index=st.integers(0, 3))
    def withdraw(self, index: int) -> None:
        """A deployment leaves."""
        chosen = index % len(self.wanted)
        self.publish([w for i, w in enumerate(self.wanted) if i != chosen])

    @precondition(lambda self: self.wanted)
    @rule()
    def republish(self) -> None:
        """All deployments leave and come back as they were."""
        wanted = self.wanted
        self.publish([])
        self.publish(wanted)

    @rule(defect=st.sampled_from(LIES))
    def lie(self, defect: str) -> None:
        """A manifest that must not be adopted; then again the good one."""
        changed = [self.device.change(w) for w in self.wanted]
        self.device.settles(self.device.publish(*changed, self.device.install(), defect=defect))
        self.publish(self.wanted)

    @precondition(lambda self: self.older is not None)
    @rule()
    def roll_back(self) -> None:
        """What was published earlier comes again under a lower version; then the present one."""
        self.device.settles(self.device.publish(*(self.older or []), defect="version-lower"))
        self.publish(self.wanted)

    @rule(behaviour=st.sampled_from(FAILURES))
    def fail(self, behaviour: str) -> None:
        """The manifest cannot be had once; then something new can."""
        with self.stage.misbehave("manifest", behaviour, count=1):
            self.device.polled(2)
        self.publish([*self.wanted, self.device.install()])

    @rule()
    def cut_power(self) -> None:
        """The power fails and comes back."""
        self.device.cut()
        self.device.start()
        self.device.recovers()


@pytest.mark.gives(
    "desired-state.converges",
    "desired-state.document-verified",
    "desired-state.bundle-verified",
    "desired-state.lower-version-refused",
    "desired-state.equal-version-refused",
    "desired-state.failure-keeps-running",
    "desired-state.workloads-survive-power-cut",
    "status.legal-order",
    "status.tells-the-truth",
)
@pytest.mark.needs("cut")
def test_wos_is_an_adversary(agent: Stage) -> None:
    """Good manifests, bad manifests and power cuts in any order."""
    Adversary.stage = agent
    agent.play(Adversary, programs=0.5, steps=0.5)
