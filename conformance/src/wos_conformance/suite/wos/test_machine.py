"""Programs of many steps over several clients, made and shrunk by Hypothesis; the judges hold the model."""

import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from wos_conformance.control import ControlUnsupported
from wos_conformance.drive import sample, strategy
from wos_conformance.suite.wos.client import Client, Deployment, Manifest
from wos_conformance.suite.wos.stage import Stage

_STATES = st.sampled_from(["pending", "installing", "installed", "failed"])


@dataclass
class _Memory:
    """What one client has seen, and what it was assigned."""

    tags: list[str] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    retired: bool = False


class Fleet(RuleBasedStateMachine):
    """Several clients whose desired state changes while they poll, fetch and report."""

    stage: ClassVar[Stage]
    clients: Bundle[Client] = Bundle("clients")
    deployments: Bundle[tuple[Client, Deployment]] = Bundle("deployments")

    def __init__(self) -> None:
        super().__init__()
        self.example = self.stage.example()
        self.begin = self.example.__enter__()
        self.memory: dict[str, _Memory] = {}

    def teardown(self) -> None:
        """End the example."""
        self.example.__exit__(*sys.exc_info())

    @invariant()
    def is_judged(self) -> None:
        """Each step is judged with all before it, so that a program ends where it breaks a rule and shrinks well."""
        self.stage.run.judge_slice(self.begin)

    def of(self, client: Client) -> _Memory:
        """What this client remembers."""
        return self.memory.setdefault(client.spiffe_id, _Memory())

    def is_wanted(self, known: tuple[Client, Deployment]) -> bool:
        """Whether a deployment is part of the desired state."""
        return known[1] in self.of(known[0]).deployments

    @initialize(target=clients)
    def first_client(self) -> Client:
        """There is at least one client."""
        return self.stage.client()

    @precondition(lambda self: len(self.memory) < 3)
    @rule(target=clients)
    def admit(self) -> Client:
        """One more client."""
        client = self.stage.client()
        self.of(client)
        return client

    @rule(target=deployments, client=clients, application=strategy.applications())
    def assign(self, client: Client, application: dict[str, Any]) -> tuple[Client, Deployment]:
        """A new deployment; a client that was retired gets none."""
        if self.of(client).retired:
            return client, Deployment(sample.uuid(self.stage.random), [])
        deployment = self.stage.assign(client, application)
        self.of(client).deployments.append(deployment)
        return client, deployment

    @rule(known=deployments, application=strategy.applications())
    def update(self, known: tuple[Client, Deployment], application: dict[str, Any]) -> None:
        """Another application for a deployment."""
        if self.is_wanted(known):
            profile = application["deploymentProfiles"][0]["id"]
            self.stage.update(known[1], application=application, profileId=profile, parameters={})

    @rule(known=deployments)
    def withdraw(self, known: tuple[Client, Deployment]) -> None:
        """A deployment leaves the desired state."""
        if self.is_wanted(known):
            self.stage.withdraw(known[1])
            self.of(known[0]).deployments.remove(known[1])

    @rule(client=clients, tag=st.integers(0, 5))
    def poll(self, client: Client, tag: int) -> None:
        """Poll with any tag that the client was ever given, or with none."""
        tags = self.of(client).tags
        answer = client.poll(tags[-tag] if 0 < tag <= len(tags) else None)
        if answer.status == 200 and (given := answer.header("etag")):
            tags.append(given)

    @rule(client=clients)
    def fetch(self, client: Client) -> None:
        """Fetch all that the current manifest names, and all that the first one named."""
        memory = self.of(client)
        if not memory.retired:
            memory.manifests.append(self.stage.manifest(client))
        for manifest in (*memory.manifests[-1:], *memory.manifests[:1]):
            client.fetch_all(manifest)

    @rule(known=deployments, state=_STATES, late=st.booleans())
    def report(self, known: tuple[Client, Deployment], state: str, late: bool) -> None:
        """A report about a deployment, in whatever order, under the current version or the first one."""
        client, deployment = known
        memory = self.of(client)
        if memory.retired:
            return
        memory.manifests.append(self.stage.manifest(client))
        version = memory.manifests[0 if late else -1].version
        client.report(sample.status(deployment.id, version, deployment.components, state))
        self.stage.look(client)

    @rule(one=clients, other=clients)
    def trespass(self, one: Client, other: Client) -> None:
        """A client asks for what another one was given."""
        for manifest in self.of(one).manifests[-1:]:
            other.fetch_all(manifest)


class Restarts(Fleet):
    """A fleet whose WOS ends without warning and starts again, once in a program, since that takes long."""

    clients = Fleet.clients

    def __init__(self) -> None:
        super().__init__()
        self.may_restart = True

    @precondition(lambda self: self.may_restart)
    @rule()
    def restart(self) -> None:
        """The WOS is restarted."""
        self.may_restart = False
        self.stage.restart()


class Turnover(Fleet):
    """A fleet whose clients are retired and return, whose devices leave and return, and whose versions jump."""

    clients = Fleet.clients

    @rule(client=clients, which=st.integers(0, 5))
    def fetch_again(self, client: Client, which: int) -> None:
        """Fetch all that some earlier manifest named."""
        if manifests := self.of(client).manifests:
            client.fetch_all(manifests[which % len(manifests)])

    @rule(client=clients)
    def retire_or_accept_again(self, client: Client) -> None:
        """A client is retired, or one that was retired is accepted again and announces its device."""
        memory = self.of(client)
        if memory.retired:
            self.stage.control("admit", spiffeId=client.spiffe_id)
            self.stage.manifest(client)
            client.announce(sample.capabilities(self.stage.random, client.device_id))
        else:
            self.stage.retire(client)
            memory.deployments.clear()
            client.poll()
        memory.retired = not memory.retired

    @rule(client=clients)
    def withdraw_device(self, client: Client) -> None:
        """The device of a client leaves and comes back, without its deployments."""
        if not self.of(client).retired:
            self.stage.need(client.forget(client.device_id), 204)
            self.of(client).deployments.clear()
            self.stage.manifest(client)
            client.announce(sample.capabilities(self.stage.random, client.device_id))

    @rule(client=clients, distance=st.sampled_from([1, 1000, 2**40, 2**60]))
    def raise_version(self, client: Client, distance: int) -> None:
        """The next version is far above the last one."""
        seen = self.of(client).manifests
        floor = (seen[-1].version if seen else 1) + distance
        if not self.of(client).retired and floor < 2**64 - 1000:
            with suppress(ControlUnsupported):
                self.stage.set_version(client, floor)


@pytest.mark.gives(
    "desired-state.version-grows",
    "desired-state.version-only-on-change",
    "desired-state.change-published",
    "desired-state.not-modified",
    "desired-state.bundle-exact-set",
    "desired-state.superseded-served",
    "identity.scope-isolated",
    "status.newest-visible",
)
@pytest.mark.needs("assign", "update", "withdraw")
def test_fleet_lives(wos: Stage) -> None:
    """Deployments change, everybody polls, fetches, reports."""
    Fleet.stage = wos
    wos.play(Fleet)


@pytest.mark.gives("desired-state.version-grows", "desired-state.not-modified", "status.newest-visible")
@pytest.mark.needs("assign", "update", "withdraw", "restart")
def test_fleet_lives_through_restarts(wos: Stage) -> None:
    """Deployments change, everybody polls, fetches, reports, and the WOS is restarted in between."""
    Restarts.stage = wos
    wos.play(Restarts, programs=0.25)


@pytest.mark.gives(
    "desired-state.version-grows",
    "desired-state.superseded-served",
    "identity.policy-per-request",
    "onboarding.return-empty",
    "onboarding.return-greater-version",
    "capabilities.delete-withdraws",
)
@pytest.mark.needs("admit", "retire", "assign", "update", "withdraw")
def test_fleet_comes_and_goes(wos: Stage) -> None:
    """Clients are retired and accepted again, devices leave and return, and in between they live as usual."""
    Fleet.stage = wos
    wos.play(Turnover)
