"""Programs of many steps over several clients, made and shrunk by Hypothesis; the judges hold the model."""

from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, precondition, rule

from wos_conformance.drive import sample, strategy
from wos_conformance.suite.wos.stage import Client, Deployment, Manifest, Stage


class Fleet(RuleBasedStateMachine):
    """Several clients whose desired state changes while they poll, fetch and report."""

    stage: ClassVar[Stage]
    clients: Bundle[Client] = Bundle("clients")
    deployments: Bundle[tuple[Client, Deployment]] = Bundle("deployments")

    def __init__(self) -> None:
        super().__init__()
        self.example = self.stage.example()
        self.example.__enter__()
        self.tags: dict[str, list[str]] = {}
        self.manifests: dict[str, list[Manifest]] = {}
        self.withdrawn: set[str] = set()
        self.restarts = 0

    def teardown(self) -> None:
        """End the example, which judges its slice."""
        self.example.__exit__(None, None, None)

    @initialize(target=clients)
    def first_client(self) -> Client:
        """There is at least one client."""
        return self.stage.client()

    @precondition(lambda self: len(self.tags) < 3)
    @rule(target=clients)
    def admit(self) -> Client:
        """One more client."""
        return self.stage.client()

    @rule(target=deployments, client=clients, application=strategy.applications())
    def assign(self, client: Client, application: dict[str, Any]) -> tuple[Client, Deployment]:
        """A new deployment."""
        return client, self.stage.assign(client, application)

    @rule(known=deployments, application=strategy.applications())
    def update(self, known: tuple[Client, Deployment], application: dict[str, Any]) -> None:
        """Another application for a deployment."""
        if known[1].id not in self.withdrawn:
            self.stage.update(known[1], application=application, profileId=application["deploymentProfiles"][0]["id"])

    @rule(known=deployments)
    def withdraw(self, known: tuple[Client, Deployment]) -> None:
        """A deployment leaves the desired state."""
        if known[1].id not in self.withdrawn:
            self.stage.withdraw(known[1])
            self.withdrawn.add(known[1].id)

    @rule(client=clients, age=st.integers(0, 3))
    def poll(self, client: Client, age: int) -> None:
        """Poll with a tag that is as old as this many answers, or with none."""
        tags = self.tags.setdefault(client.spiffe_id, [])
        answer = client.poll(tags[-age] if 0 < age <= len(tags) else None)
        if answer.status == 200 and (tag := answer.header("etag")):
            tags.append(tag)

    @rule(client=clients)
    def fetch(self, client: Client) -> None:
        """Fetch all that the current manifest names, and all that an earlier one named."""
        seen = self.manifests.setdefault(client.spiffe_id, [])
        seen.append(self.stage.manifest(client))
        for manifest in (seen[-1], seen[0]):
            client.fetch_all(manifest)

    @rule(known=deployments, state=st.sampled_from(["pending", "installing", "installed", "failed"]))
    def report(self, known: tuple[Client, Deployment], state: str) -> None:
        """A report about a deployment, in whatever order."""
        client, deployment = known
        version = self.stage.manifest(client).version
        client.report(sample.status(deployment.id, version, deployment.components, state))
        self.stage.look(client)

    @rule(one=clients, other=clients)
    def trespass(self, one: Client, other: Client) -> None:
        """A client asks for what another one was given."""
        for manifest in self.manifests.get(one.spiffe_id, [])[-1:]:
            other.fetch_all(manifest)

    @precondition(lambda self: self.restarts < self.stage.most_restarts)
    @rule()
    def restart(self) -> None:
        """The WOS ends without warning and starts again."""
        self.restarts += 1
        self.stage.restart()


@pytest.mark.gives(
    "desired-state.version-grows",
    "desired-state.version-only-on-change",
    "desired-state.change-published",
    "desired-state.not-modified",
    "desired-state.bundle-exact-set",
    "identity.scope-isolated",
    "status.newest-visible",
)
@pytest.mark.needs("assign", "update", "withdraw")
def test_fleet_lives(wos: Stage) -> None:
    """Clients come, deployments change, everybody polls, fetches, reports."""
    Fleet.stage = wos
    wos.play(Fleet)
