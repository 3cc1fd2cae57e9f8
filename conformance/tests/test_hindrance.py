"""A target that does not come far enough ends the examples of a property; nothing is tried again to make it smaller."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from wos_conformance.history import Mark
from wos_conformance.suite.conductor import Conductor
from wos_conformance.suite.scene import Blocked, Scene
from wos_conformance.suite.settings import Settings

NAME = "machine::situation"


@pytest.fixture
def conductor(tmp_path: Path, credentials: Path) -> Iterator[Conductor]:
    """A run that shrinks, in a scenario."""
    settings = Settings(role="wos", folder=str(tmp_path), seed=1, credentials=str(credentials), shrink=True)
    conductor = Conductor(settings)
    conductor.begin(NAME, "", [])
    yield conductor
    conductor.close()


class Stumbling(RuleBasedStateMachine):
    """Goes no further than its first step."""

    scene: ClassVar[Scene]

    @initialize()
    def begin(self) -> None:
        """An example."""
        self.example = self.scene.example()
        self.example.__enter__()

    @rule(number=st.integers())
    def step(self, number: int) -> None:
        """What the target does not follow."""
        raise Blocked(f"no answer to {number}")

    def teardown(self) -> None:
        """End the example."""
        self.example.__exit__(*sys.exc_info())


def machine(scene: Scene) -> None:
    """A state machine."""
    Stumbling.scene = scene
    scene.play(Stumbling)


def quantified(scene: Scene) -> None:
    """A property of all numbers."""

    @scene.property
    @given(number=st.integers())
    def stumbles(number: int) -> None:
        raise Blocked(f"no answer to {number}")

    stumbles()


@pytest.mark.parametrize("driven", [machine, quantified])
def test_first_hindrance_is_the_last(conductor: Conductor, driven: Callable[[Scene], None]) -> None:
    """The scenario is blocked, and says by what."""
    with pytest.raises(Blocked) as caught:
        driven(Scene(conductor.run, NAME))
    begun = [mark for mark in conductor.recorder.history().of(Mark) if (mark.what, mark.phase) == ("example", "begin")]
    assert len(begun) == 1
    result = conductor.conclude(caught.value)
    assert (result.outcome, result.text) == ("blocked", f"went no further: {caught.value}")
