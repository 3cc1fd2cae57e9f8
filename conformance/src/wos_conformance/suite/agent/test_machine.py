"""A WOS that changes its mind, lies and fails, made and shrunk by Hypothesis, against one agent an example."""

import sys
from contextlib import ExitStack
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from wos_conformance.suite.agent.stage import Device, Stage, Wanted

LIES = ["document-digest-wrong", "one-digest-wrong", "bundle-digest-wrong", "version-equal", "unreachable"]
DAMAGE = ["altered", "truncated", "reset-midway"]
FAILURES = ["status-500", "status-404", "status-403", "reset", "truncated", "not-json"]


class Adversary(RuleBasedStateMachine):
    """Publishes good and bad manifests to an agent; one thing at most is wrong at a time."""

    stage: ClassVar[Stage]
    device: Device

    def __init__(self) -> None:
        super().__init__()
        self.example = self.stage.example()
        self.failure = ExitStack()
        self.fails = self.lied = False
        self.wanted: list[Wanted] = []
        self.older: list[Wanted] | None = None

    @initialize()
    def begin(self) -> None:
        """A device of this example alone, so that a program repeats itself."""
        self.example.__enter__()
        self.device = self.stage.start()
        self.publish([self.device.install()])

    def teardown(self) -> None:
        """End the example, which judges its slice; a program that came to its end has to converge."""
        try:
            if sys.exc_info()[0] is None:
                self.converge()
        finally:
            self.failure.close()
            self.stage.leave()
            self.stage.double.present(self.stage.trust_domain.wos())
            self.example.__exit__(*sys.exc_info())

    def converge(self) -> None:
        """After the last fault the agent runs what is wanted."""
        if self.fails:
            self.recover()
        elif self.lied:
            self.publish(self.wanted)

    def publish(self, wanted: list[Wanted]) -> None:
        """Publish a good manifest and wait until it runs, or until it was asked for in vain."""
        self.older = self.wanted if self.wanted and self.wanted != wanted else self.older
        self.wanted, self.lied = wanted, False
        publication = self.device.publish(*wanted)
        if self.fails:
            self.device.polled(1)
        else:
            self.device.adopts(publication)

    @rule(components=st.integers(1, 3))
    def add(self, components: int) -> None:
        """One more deployment."""
        self.publish([*self.wanted, self.device.install(components)])

    @precondition(lambda self: self.wanted)
    @rule(index=st.integers(0, 3))
    def change(self, index: int) -> None:
        """Another revision of a deployment."""
        self.publish(self.changed(index))

    def changed(self, index: int) -> list[Wanted]:
        """What is wanted, with another revision of one deployment."""
        chosen = index % len(self.wanted)
        return [self.device.change(w) if i == chosen else w for i, w in enumerate(self.wanted)]

    @precondition(lambda self: self.wanted)
    @rule(index=st.integers(0, 3))
    def withdraw(self, index: int) -> None:
        """A deployment leaves."""
        chosen = index % len(self.wanted)
        self.publish([w for i, w in enumerate(self.wanted) if i != chosen])

    @precondition(lambda self: self.wanted and not self.fails)
    @rule()
    def republish(self) -> None:
        """All deployments leave and come back as they were."""
        wanted = self.wanted
        self.publish([])
        self.publish(wanted)

    @precondition(lambda self: not self.fails)
    @rule(defect=st.sampled_from(LIES))
    def lie(self, defect: str) -> None:
        """A manifest that must not be adopted."""
        changed = [self.device.change(w) for w in self.wanted]
        self.device.withstands(self.device.publish(*changed, self.device.install(), defect=defect))
        self.lied = True

    @precondition(lambda self: self.older is not None and not self.fails)
    @rule()
    def roll_back(self) -> None:
        """What was published earlier comes again under a lower version, after the last good manifest."""
        if self.lied:
            self.publish(self.wanted)
        self.device.withstands(self.device.publish(*(self.older or []), defect="version-lower"))
        self.lied = True

    @precondition(lambda self: self.wanted and not self.fails)
    @rule(index=st.integers(0, 3), behaviour=st.sampled_from(DAMAGE))
    def corrupt(self, index: int, behaviour: str) -> None:
        """The document of one change does not arrive as it was sent; then it does."""
        self.older, self.wanted = self.wanted, self.changed(index)
        with self.stage.misbehave("artifact", behaviour):
            publication = self.device.publish(*self.wanted, defect=f"artifact-{behaviour}")
            self.device.settles(publication)
        self.device.adopts(self.device.publish_again(publication))
        self.lied = False

    @precondition(lambda self: not self.fails)
    @rule(behaviour=st.sampled_from(FAILURES))
    def fail(self, behaviour: str) -> None:
        """The manifest cannot be had any more."""
        self.failure.enter_context(self.stage.misbehave("manifest", behaviour))
        self.fails = True
        self.device.polled(2)
        self.device.workloads()

    @precondition(lambda self: self.fails)
    @rule()
    def recover(self) -> None:
        """The manifest can be had again, and what was published in the meantime with it."""
        self.failure.close()
        self.fails = False
        self.device.polled(1)
        self.publish(self.wanted)

    @precondition(lambda self: not self.fails)
    @rule()
    def rotate_trust(self) -> None:
        """The root is replaced, which the agent learns when it is started again."""
        self.device.changes_its_root()
        self.device.recovers()

    @rule()
    def cut_power(self) -> None:
        """The power fails and comes back."""
        self.device.cut()
        self.device.start()
        self.device.recovers()


@pytest.mark.gives("desired-state.converges", "status.legal-order", "status.tells-the-truth")
@pytest.mark.needs("cut")
def test_wos_is_an_adversary(agent: Stage) -> None:
    """Good manifests, bad manifests, failures, new roots and power cuts in any order."""
    Adversary.stage = agent
    agent.play(Adversary, programs=0.5, steps=0.5, least=6)
