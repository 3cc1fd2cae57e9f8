"""The stage of a scenario for an agent: a double of its own, the agents that it starts, and faults on command."""

from collections.abc import Iterator
from contextlib import contextmanager

from wos_conformance.drive import misbehaviour
from wos_conformance.drive.double import Double, Script
from wos_conformance.drive.trust_domain import TrustDomain
from wos_conformance.suite.agent.device import Device
from wos_conformance.suite.agent.wanted import Wanted
from wos_conformance.suite.scene import Run, Scene

__all__ = ["Device", "Stage", "Wanted"]


class Stage(Scene):
    """A scenario for an agent, with a double of its own."""

    def __init__(self, run: Run, name: str, trust_domain: TrustDomain) -> None:
        super().__init__(run, name)
        self.trust_domain = trust_domain
        self.double = Double(run.recorder, trust_domain)
        self._devices: list[Device] = []

    def close(self) -> None:
        """End the agents of the scenario and the double."""
        try:
            self.leave()
        finally:
            self.double.close()

    def leave(self) -> None:
        """End the agents that the scenario has started so far, and remove their storage."""
        while self._devices:
            self._devices.pop().leave()

    def device(self) -> Device:
        """An agent with an identity and a storage of its own, which was not started yet."""
        device = Device(self, self.trust_domain.agent())
        self._devices.append(device)
        return device

    def start(self) -> Device:
        """Start an agent with an identity and a storage of its own; an empty manifest is published to it."""
        device = self.device()
        device.publish()
        return device.start()

    @contextmanager
    def answer(self, operation: str, status: int, *, retry_after: int, form: str) -> Iterator[None]:
        """Refuse the next request of this kind, and tell when to come again."""
        act = misbehaviour.refusing(status, retry_after, form)
        with self.double.scripted(Script(f"status-{status}", operation, act, left=1)):
            yield

    @contextmanager
    def misbehave(self, operation: str, behaviour: str, count: int | None = None) -> Iterator[None]:
        """Misbehave in one way for requests of this kind."""
        seed, patience = self.random.getrandbits(32), self.declared("request_timeout")
        act = misbehaviour.misbehaving(behaviour, seed, patience)
        with self.double.scripted(Script(behaviour, operation, act, left=count)):
            yield

    @contextmanager
    def silence(self, answers: int) -> Iterator[None]:
        """Answer so many more requests of any kind and no further one."""
        act = misbehaviour.misbehaving("stall")
        with self.double.scripted(Script("stall", "any", act, after=answers)):
            yield
