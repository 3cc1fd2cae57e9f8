"""What one run is told: which target, how deep, with which seed, and where the evidence goes."""

import os
from typing import Literal, Self

import msgspec

from wos_conformance.suite.turn import Share

VARIABLE = "WOS_CONFORMANCE_RUN"
PATIENCE = 30.0
REQUEST_TIMEOUT = 10.0

Role = Literal["wos", "agent"]
DepthName = Literal["quick", "standard", "deep"]


class Depth(msgspec.Struct, frozen=True):
    """How much a run generates: examples per property, programs and steps per state machine, cases per operation.

    `quick` is for every change, `standard` ends within a minute against a WOS on two idle cores, `deep` is for a night.
    `moments` is how often the power is cut while something is under way.
    `silence` and `tolerance` are seconds: for which a client keeps still, and for which an SVID that has expired
    may still be taken because clocks differ.
    """

    examples: int
    programs: int
    steps: int
    cases: int
    moments: int
    silence: float
    tolerance: float
    shrinking: float
    """Seconds after which a counterexample is as small as it gets."""

    def __str__(self) -> str:
        """In words."""
        return (
            f"{self.examples} examples a property, {self.programs} programs of {self.steps} steps, "
            f"{self.cases} cases an operation"
        )


DEPTHS: dict[str, Depth] = {
    "quick": Depth(examples=8, programs=5, steps=10, cases=12, moments=4, silence=1.5, tolerance=2, shrinking=120),
    "standard": Depth(examples=30, programs=20, steps=20, cases=40, moments=40, silence=5, tolerance=30, shrinking=180),
    "deep": Depth(
        examples=200, programs=150, steps=40, cases=400, moments=40, silence=30, tolerance=360, shrinking=300
    ),
}


class ControlSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the test control of the target is reached: an HTTP listener, or a command that takes a verb."""

    url: str | None = None
    token_file: str | None = None
    command: list[str] | None = None
    folder: str | None = None
    """The folder in which the command is run; None is that of the run."""
    timeout: float = PATIENCE
    """Seconds for which a verb that was accepted is asked for again."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One run. Paths are strings because the settings travel as JSON to the child process that drives."""

    role: Role
    folder: str
    seed: int
    depth: DepthName = "quick"
    target: str = "unnamed"
    url: str | None = None
    credentials: str | None = None
    identity_service: str | None = None
    """https URL of the identity service, without a path."""
    identity_anchors: str | None = None
    """File with the certificates, in PEM, to which that of the identity service chains."""
    control: ControlSettings | None = None
    features: list[str] = []
    declared: dict[str, float] = {}
    listen: str = "127.0.0.1:8443"
    """Host and port at which an agent that nobody controls finds the double."""
    arrival: float = 600.0
    """Seconds for which a run waits for such an agent."""
    trust_bundle: str | None = None
    """File with the roots of the WOS, in PEM, when they are not those of the credentials."""
    request_timeout: float = REQUEST_TIMEOUT
    """Seconds for which an answer of a WOS is waited for."""
    time_budget: float | None = None
    """Seconds after which no scenario begins."""
    relay_seed: int | None = None
    """Seed of the relay on the path; None is a path without one."""
    only: list[str] = []
    workers: int = 1
    """How many processes play scenarios at once: on one WOS, or on one device each."""
    further_controls: list[str] = []
    """URLs of the test controls of the second device and all further ones."""
    shuffle: int | None = None
    """Seed of the order in which scenarios are played; None is the order in which they are written."""
    run: str = ""
    """The id of the run."""
    share: Share | None = None
    """The place of a child process among the workers; None in the process that starts them."""
    shrink: bool = True
    """False leaves counterexamples as they were found, which saves time when only the verdict counts."""

    @property
    def level(self) -> int:
        """1 with test control, 0 without."""
        return 0 if self.control is None else 1

    @property
    def own_control(self) -> ControlSettings | None:
        """The test control that this worker uses."""
        if self.control is None or self.share is None or self.share.worker == 0 or not self.further_controls:
            return self.control
        return msgspec.structs.replace(self.control, url=self.further_controls[self.share.worker - 1])

    @property
    def amounts(self) -> Depth:
        """The numbers behind the name of the depth."""
        return DEPTHS[self.depth]

    def environment(self) -> dict[str, str]:
        """The environment variable through which a child process learns its settings."""
        return {VARIABLE: msgspec.json.encode(self).decode()}

    @classmethod
    def of_this_process(cls) -> Self:
        """The settings that the parent process passed.

        Raises:
            KeyError: nobody passed any: scenarios run only through ``wos-conformance run``.
        """
        return msgspec.json.decode(os.environ[VARIABLE], type=cls)
