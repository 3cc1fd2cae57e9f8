"""Situations around adopting a manifest (desired-state.md)."""

import pytest

from wos_conformance.drive.archive import HOSTILE
from wos_conformance.suite.agent.stage import Stage

LIES = {
    "version-lower": "desired-state.lower-version-refused",
    "version-equal": "desired-state.equal-version-refused",
    "document-digest-wrong": "desired-state.document-verified",
    "one-digest-wrong": "desired-state.document-verified",
    "bundle-digest-wrong": "desired-state.bundle-verified",
    "algorithm-unknown": "desired-state.algorithm-known",
    "tag-wrong": "desired-state.manifest-verified",
    "document-id-wrong": "desired-state.document-id-refused",
    "deployment-twice": "desired-state.deployment-twice-refused",
    "deployment-twice-otherwise": "desired-state.deployment-twice-refused",
}
INVALID = (
    *("version-zero", "version-negative", "version-fraction", "version-text", "version-too-large", "version-missing"),
    *("deployments-missing", "digest-missing", "digest-short", "digest-capital", "deployment-id-short"),
    *("manifest-not-json", "manifest-not-object", "bundle-type-wrong"),
)
ODD_BUNDLES = [f"bundle-{kind}" for kind in HOSTILE if kind != "swollen"]
DAMAGE = ("altered", "truncated", "reset-midway", "endless")
OBSTACLES = ("artifacts-missing", "unreachable", "one-document-missing")
PECULIARITIES = {
    "sizes-wrong": "desired-state.size-advisory",
    "sizes-missing": "desired-state.size-advisory",
    "unknown-members": "desired-state.unknown-members-ignored",
}


@pytest.mark.vital
@pytest.mark.gives(
    "desired-state.converges",
    "status.body-valid",
    "status.path-names-deployment",
    "status.legal-order",
    "status.installed-reported",
    "status.removed-reported",
    "status.not-before-retrieval",
    "status.tells-the-truth",
    "status.components-complete",
    "status.most-severe-state",
    "status.adopted-version",
    "status.adopted-version-advances",
)
def test_deployments_come_and_go(agent: Stage) -> None:
    """Deployments of three components and of one are published, one is changed, one is withdrawn, at last all are."""
    device = agent.start()
    first, second = device.install(components=3), device.install()
    device.adopts(device.publish(first, second))
    device.adopts(device.publish(device.change(first), second))
    device.adopts(device.publish(second))
    device.adopts(device.publish())


@pytest.mark.gives(
    "desired-state.failure-keeps-running",
    "desired-state.tag-only-when-adopted",
    "desired-state.converges",
    *LIES.values(),
)
def test_manifests_must_not_be_adopted(agent: Stage) -> None:
    """Each manifest changes and adds something, and one thing about it is not right; good ones come before and after.

    What an agent has lost by one of them comes back before the next one.
    """
    device = agent.start()
    running = device.install()
    device.adopts(device.publish(running))
    device.adopts(device.publish(running, device.install()))
    for lie in LIES:
        device.withstands(device.publish(device.change(running), device.install(), defect=lie))
    device.adopts(device.publish(device.change(running), device.install()))


@pytest.mark.gives(
    "desired-state.invalid-manifest-refused", "desired-state.tag-only-when-adopted", "connectivity.polls"
)
def test_manifests_are_not_valid(agent: Stage) -> None:
    """One manifest after the other breaks the schema in one place; good ones come before and after."""
    device = agent.start()
    running = device.install()
    device.adopts(device.publish(running))
    for fault in INVALID:
        device.withstands(device.publish(device.change(running), device.install(), defect=fault))
    device.adopts(device.publish(device.change(running), device.install()))


@pytest.mark.gives("desired-state.bundle-form-refused", "desired-state.swollen-bundle-survived")
def test_bundles_are_odd(agent: Stage) -> None:
    """Bundles have the right digest and are no bundles, and the documents cannot be had alone."""
    device = agent.start()
    running = device.install()
    device.adopts(device.publish(running))
    for oddity in (*ODD_BUNDLES, "bundle-swollen"):
        device.withstands(device.publish(running, device.install(), device.install(), defect=oddity))
    device.adopts(device.publish(running, device.install(), device.install()))


@pytest.mark.gives("desired-state.version-refusal-reported", "desired-state.lower-version-refused")
def test_wos_was_set_back(agent: Stage) -> None:
    """A WOS serves what it had published earlier, under the version of that time."""
    device = agent.start()
    older = device.install()
    device.adopts(device.publish(older))
    device.adopts(device.publish(device.change(older), device.install()))
    publication = device.publish(older, defect="version-lower")
    device.says_where_it_stands(publication)
    device.settles(publication)


@pytest.mark.gives("desired-state.failure-stays-alone", "status.failure-explained", "status.error-source")
def test_one_deployment_cannot_be_installed(agent: Stage) -> None:
    """Of two new deployments one has a component that cannot be retrieved, which is said in the end."""
    device = agent.start()
    stuck = device.install().unobtainable().impatient("0m1s")
    publication = device.publish(device.install(), stuck)
    device.adopts(publication)
    device.fails(publication, stuck)


@pytest.mark.gives(
    "desired-state.tag-only-when-adopted",
    "desired-state.not-found-keeps-running",
    "desired-state.failure-keeps-running",
    "desired-state.converges",
)
def test_artifacts_cannot_be_had(agent: Stage) -> None:
    """What a manifest names cannot be had, ever; then another one can, which names nothing of it.

    Later documents and bundles do not arrive as they were sent, each time in another way; then they do.
    """
    device = agent.start()
    running = device.install()
    device.adopts(device.publish(running))
    for obstacle in OBSTACLES:
        device.withstands(device.publish(device.change(running), device.install(), defect=obstacle))
    running = device.change(running)
    device.adopts(device.publish(running, device.install()))
    for behaviour in DAMAGE:
        running = device.change(running)
        with agent.misbehave("artifact", behaviour):
            publication = device.publish(running, device.install(), defect=f"artifact-{behaviour}")
            device.settles(publication)
        device.adopts(device.publish_again(publication))


@pytest.mark.gives("desired-state.converges", "desired-state.least-sizes-taken", *PECULIARITIES.values())
def test_manifests_are_good_but_peculiar(agent: Stage) -> None:
    """Manifests have something unusual which does not matter; at last one is as large as any agent takes.

    That names 32 deployments with documents of 65536 bytes each.
    """
    device = agent.start()
    for kind in PECULIARITIES:
        device.adopts(device.publish(device.install(), device.install(), note=kind))
    device.adopts(device.publish(*(device.install().padded(65536) for _ in range(32)), note="least-sizes"))


@pytest.mark.gives("desired-state.exact-version", "desired-state.lower-version-refused")
@pytest.mark.needs("wipe")
def test_versions_are_large(agent: Stage) -> None:
    """Versions grow by one where narrower numbers cannot tell them apart, and then go back by one; 2^64-1 is last."""
    device = agent.start()
    running = device.install()
    for versions in ((2**53 - 1, 2**53, 2**53 + 1), (2**63 - 1, 2**63), (2**64 - 2, 2**64 - 1)):
        for version in versions:
            running = device.change(running)
            device.adopts(device.publish(running, version=version, note="huge-version"))
        device.settles(device.publish(device.change(running), defect="version-lower"))


@pytest.mark.gives("desired-state.version-survives-power-cut", "desired-state.workloads-survive-power-cut")
@pytest.mark.needs("cut")
def test_power_is_cut_while_idle(agent: Stage) -> None:
    """The power fails after a manifest was adopted; after the start an older one and the same one are served."""
    device = agent.start()
    old = device.install()
    device.adopts(device.publish(old))
    running = device.change(old)
    device.adopts(device.publish(running))
    device.polled(1)
    device.cut()
    device.start()
    device.recovers()
    device.settles(device.publish(old, defect="version-lower"))
    device.adopts(device.publish(running, device.install()))


@pytest.mark.gives("desired-state.workloads-survive-power-cut", "desired-state.converges")
@pytest.mark.needs("cut")
def test_power_is_cut_during_an_update(agent: Stage) -> None:
    """One update goes well; during the same with other content the power fails while the agent waits for an answer."""
    device = agent.start()
    running = device.install()
    device.adopts(device.publish(running, device.install()))
    running = device.change(running)
    whole = device.publish(running, device.install())
    device.adopts(whole)
    for answers in agent.moments(len(device.asked(since=whole.seq))):
        running = device.change(running)
        with agent.silence(answers):
            publication = device.publish(running, device.install())
            device.falls_silent(publication)
            device.cut()
        device.start()
        device.adopts(device.publish_again(publication))


@pytest.mark.gives("desired-state.coding-undone")
def test_bodies_travel_in_gzip(agent: Stage) -> None:
    """Everything is answered in gzip, as far as the agent allows that."""
    device = agent.start()
    with agent.coding(device):
        device.adopts(device.publish(device.install(), device.install(), note="coded"))
