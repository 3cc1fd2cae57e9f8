"""The stage of a scenario for an agent: a double of its own, the agents that it starts, and faults on command."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from wos_conformance.drive import misbehaviour, sample
from wos_conformance.drive.answer import manifest_of
from wos_conformance.drive.decoy import Decoy
from wos_conformance.drive.double import Double, Script
from wos_conformance.drive.identity_double import IdentityDouble, Policy
from wos_conformance.drive.registry_double import RegistryDouble
from wos_conformance.drive.trust_domain import TrustDomain
from wos_conformance.suite.agent.device import Device
from wos_conformance.suite.agent.resident import Resident
from wos_conformance.suite.agent.wanted import Wanted
from wos_conformance.suite.scene import Run, Scene

__all__ = ["Device", "Stage", "Wanted"]

TYPES = ("compose", "helm")


PACKAGED = frozenset({"helm", "compose"})
"""Features of agents that retrieve packages."""


class Stage(Scene):
    """A scenario for an agent, with a double of its own."""

    def __init__(self, run: Run, name: str, trust_domain: TrustDomain, double: Double | None = None) -> None:
        """Open the stage; a double that others use too is not closed with it."""
        super().__init__(run, name)
        self.trust_domain = trust_domain
        self.double = double or Double(run.recorder, trust_domain)
        self._is_guest = double is not None
        real = run.control is not None and not PACKAGED.isdisjoint(run.settings.features)
        self.registry = RegistryDouble(run.recorder) if real else None
        """From where components come, for an agent that can be told of it and claims to run them."""
        self.resident: Resident | None = None
        self._devices: list[Device] = []
        self._decoys: list[Decoy] = []
        self._services: list[IdentityDouble] = []

    def close(self) -> None:
        """End the agents of the scenario and the double."""
        try:
            self.leave()
        finally:
            if not self._is_guest:
                self.double.close()
            self.path.close()
            if self.registry is not None:
                self.registry.close()
            for decoy in self._decoys:
                decoy.close()
            for service in self._services:
                service.close()

    @property
    def url(self) -> str:
        """Where agents find the double."""
        return self.path.to_url(self.double.url)

    def leave(self) -> None:
        """End the agents that the scenario has started so far, and remove their storage."""
        while self._devices:
            self._devices.pop().leave()

    @property
    def types(self) -> Sequence[str]:
        """The types of deployments that are claimed, all when none is."""
        return [kind for kind in TYPES if kind in self.run.settings.features] or TYPES

    def device(self, types: Sequence[str] = ()) -> Device:
        """An agent with an identity and a storage of its own, which was not started yet."""
        svid = self.trust_domain.agent()
        for part in svid.secrets:
            self.recorder.redact(part)
        device = Device(self, svid, types or self.types)
        self._devices.append(device)
        return device

    def start(self, types: Sequence[str] = ()) -> Device:
        """Start an agent with an identity and a storage of its own; an empty manifest is published to it.

        Without test control it is the one that a person has started.
        """
        if self.resident is not None:
            return self.resident.arrives(self, self.run.settings.arrival)
        device = self.device(types)
        device.publish()
        return device.start()

    def gateway(self) -> Device:
        """A see-through gateway with two children, which was not started yet; an empty manifest is published to it."""
        device = self.device()
        for name in ("press", "line-1/press"):
            child = sample.capabilities(self.random, f"{device.device_id}/{name}-{sample.word(self.random, 4)}")
            device.children.append(child)
        known = ("id", "vendor", "modelNumber", "serialNumber")
        properties = {name: device.capabilities["properties"][name] for name in known}
        device.capabilities = {"properties": properties}
        device.publish()
        return device

    def newcomer(self, **policy: Any) -> tuple[Device, IdentityDouble]:
        """An agent that has to enrol, with its identity service; an empty manifest is published to it."""
        return self._served(follows=False, **policy)

    def follower(self, **policy: Any) -> tuple[Device, IdentityDouble]:
        """An agent that has to find its trust bundle, with its identity service; an empty manifest is published."""
        return self._served(follows=True, **policy)

    def _served(self, *, follows: bool, **policy: Any) -> tuple[Device, IdentityDouble]:
        device, code = self.device(), sample.word(self.random, 24)
        for text in (code, base64.b64encode(f"enrol:{code}".encode()).decode()):
            self.recorder.redact(text.encode())
        chosen = Policy(spiffe_id=device.spiffe_id, code=code, **policy)
        device.service, device.follows = IdentityDouble(self.recorder, self.trust_domain, chosen), follows
        self._services.append(device.service)
        device.publish()
        return device, device.service

    @contextmanager
    def without_service(self, service: IdentityDouble) -> Iterator[None]:
        """Let the identity service be away."""
        with self.double.fault("identity-away", "connection"), service.not_listening():
            yield

    def decoy(self) -> str:
        """The URL of a place where nobody has any business."""
        self._decoys.append(Decoy(self.recorder))
        return self._decoys[-1].url

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
    def misbehave_in_turn(self, operation: str, behaviours: Sequence[str]) -> Iterator[None]:
        """Misbehave for one request after the other of this kind, each time in another way."""
        with ExitStack() as stack:
            for behaviour in behaviours:
                stack.enter_context(self.misbehave(operation, behaviour, count=1))
            yield

    def moments(self, answers: int) -> list[int]:
        """After how many of so many answers the power is cut; the depth of the run says how often at most."""
        return sorted(self.random.sample(range(answers + 1), min(answers + 1, self.run.settings.amounts.moments)))

    @contextmanager
    def silence(self, answers: int) -> Iterator[None]:
        """Answer so many more requests of any kind and no further one."""
        act = misbehaviour.misbehaving("stall")
        with self.double.scripted(Script("stall", "any", act, after=answers)):
            yield

    @contextmanager
    def forget_gateway(self) -> Iterator[None]:
        """Answer the next announcement of a child as if its gateway had never been announced."""
        act = misbehaviour.not_found("gateway-not-found")
        with self.double.scripted(Script("gateway-not-found", "child", act, left=1)):
            yield

    @contextmanager
    def redirect(self, operation: str, target: str, status: int) -> Iterator[None]:
        """Redirect requests of this kind to another place."""
        act = misbehaviour.redirecting(f"{target}/api/v1/deployments", status)
        with self.double.scripted(Script(f"status-{status}", operation, act)):
            yield

    @contextmanager
    def unconditional(self, device: Device) -> Iterator[None]:
        """Serve the manifest in full, whatever the agent holds."""
        client = self.double.client(device.spiffe_id)
        with self.double.scripted(Script("unconditional", "manifest", lambda right: manifest_of(client))):
            yield

    @contextmanager
    def coding(self, device: Device) -> Iterator[None]:
        """Answer the agent in gzip as far as it allows."""
        client = self.double.client(device.spiffe_id)
        client.coded = True
        try:
            yield
        finally:
            client.coded = False

    @contextmanager
    def other_wos(self, device: Device) -> Iterator[Device]:
        """Be another WOS of the same trust domain for as long as the context lasts; the device as that one sees it."""
        trust_domain = self.trust_domain.other_wos()
        svid = trust_domain.agent()
        moved = Device(self, svid, device.capabilities["properties"]["supportedDeploymentTypes"])
        moved.state, moved.device_id, moved.capabilities = device.state, device.device_id, device.capabilities
        self._devices.append(moved)
        self.double.present(trust_domain.wos())
        try:
            yield moved
        finally:
            moved.stop()
            self.double.present(self.trust_domain.wos())

    @contextmanager
    def away(self) -> Iterator[None]:
        """Be away."""
        with self.double.away():
            yield

    @contextmanager
    def unrecognised(self) -> Iterator[None]:
        """Show a certificate below a root that nobody knows."""
        with self.double.fault("unrecognised", "connection"):
            self.double.present(self.trust_domain.wos("unknown-root"))
            try:
                yield
            finally:
                self.double.present(self.trust_domain.wos())
