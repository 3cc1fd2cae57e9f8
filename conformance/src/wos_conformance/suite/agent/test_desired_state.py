"""Situations around adopting a manifest (desired-state.md)."""

import pytest

from wos_conformance.suite.agent.stage import Stage

LIES = {
    "document-digest-wrong": "desired-state.document-verified",
    "one-digest-wrong": "desired-state.document-verified",
    "bundle-digest-wrong": "desired-state.bundle-verified",
    "algorithm-unknown": "desired-state.algorithm-known",
    "version-lower": "desired-state.lower-version-refused",
    "version-equal": "desired-state.equal-version-refused",
}
DAMAGE = ("altered", "truncated", "reset-midway")
OBSTACLES = {
    "artifacts-missing": "desired-state.not-found-keeps-running",
    "unreachable": "desired-state.failure-keeps-running",
}
_MOMENTS_AT_MOST = 40
PECULIARITIES = {
    "sizes-wrong": "desired-state.size-advisory",
    "sizes-missing": "desired-state.size-advisory",
    "unknown-members": "desired-state.unknown-members-ignored",
}


@pytest.mark.vital
@pytest.mark.gives("desired-state.converges", "status.installed-reported", "status.removed-reported")
def test_deployments_come_and_go(agent: Stage) -> None:
    """Deployments are published, one is changed, one is withdrawn, at last all are."""
    device = agent.start()
    first, second = device.install(components=2), device.install()
    device.adopts(device.publish(first, second))
    device.adopts(device.publish(device.change(first), second))
    device.adopts(device.publish(second))
    device.adopts(device.publish())


@pytest.mark.gives("desired-state.failure-keeps-running", "desired-state.tag-only-when-adopted")
@pytest.mark.parametrize("lie", [pytest.param(lie, marks=pytest.mark.gives(r), id=lie) for lie, r in LIES.items()])
def test_manifest_must_not_be_adopted(agent: Stage, lie: str) -> None:
    """One deployment runs; a manifest changes it and adds one, but something about it is not right."""
    device = agent.start()
    running = device.install()
    device.adopts(device.publish(running))
    device.adopts(device.publish(running, device.install()))
    device.settles(device.publish(device.change(running), device.install(), defect=lie))
    device.adopts(device.publish(device.change(running), device.install()))


@pytest.mark.gives("desired-state.tag-only-when-adopted", "desired-state.converges")
@pytest.mark.parametrize("obstacle", [pytest.param(o, marks=pytest.mark.gives(r), id=o) for o, r in OBSTACLES.items()])
def test_artifacts_cannot_be_had(agent: Stage, obstacle: str) -> None:
    """What a manifest names cannot be had, ever; then another one can, which names nothing of it."""
    device = agent.start()
    running = device.install()
    device.adopts(device.publish(running))
    device.settles(device.publish(device.change(running), device.install(), defect=obstacle))
    device.adopts(device.publish(device.change(running), device.install()))


@pytest.mark.gives("desired-state.failure-keeps-running", "desired-state.tag-only-when-adopted")
def test_artifacts_come_damaged(agent: Stage) -> None:
    """Documents and bundles do not arrive as they were sent, each time in another way; then they do."""
    device = agent.start()
    running = device.install()
    device.adopts(device.publish(running))
    for behaviour in DAMAGE:
        running = device.change(running)
        with agent.misbehave("artifact", behaviour):
            publication = device.publish(running, device.install(), defect=f"artifact-{behaviour}")
            device.settles(publication)
        device.adopts(device.publish_again(publication))


@pytest.mark.gives("desired-state.converges")
@pytest.mark.parametrize("kind", [pytest.param(k, marks=pytest.mark.gives(r), id=k) for k, r in PECULIARITIES.items()])
def test_manifest_is_good_but_peculiar(agent: Stage, kind: str) -> None:
    """A manifest has something unusual which does not matter."""
    device = agent.start()
    device.adopts(device.publish(device.install(), device.install(), note=kind))


@pytest.mark.gives("desired-state.exact-version", "desired-state.lower-version-refused")
@pytest.mark.parametrize("version", [2**53, 2**63 - 1, 2**64 - 2])
def test_versions_are_large(agent: Stage, version: int) -> None:
    """Versions grow by one where narrower numbers cannot tell them apart, and then go back by one."""
    device = agent.start()
    running = device.install()
    device.adopts(device.publish(running, version=version, note="huge-version"))
    changed = device.change(running)
    device.adopts(device.publish(changed, version=version + 1, note="huge-version"))
    device.settles(device.publish(device.change(changed), version=version, defect="version-lower"))


@pytest.mark.gives("desired-state.version-survives-power-cut", "desired-state.workloads-survive-power-cut")
@pytest.mark.needs("cut")
def test_power_is_cut_while_idle(agent: Stage) -> None:
    """The power fails after a manifest was adopted; after the start an older one and the same one are served."""
    device = agent.start()
    old = device.install()
    device.adopts(device.publish(old))
    running = device.change(old)
    device.adopts(device.publish(running))
    device.cut()
    device.start()
    device.recovers()
    device.settles(device.publish(old, defect="version-lower"))
    device.adopts(device.publish(running, device.install()))


@pytest.mark.gives("desired-state.workloads-survive-power-cut", "desired-state.converges")
@pytest.mark.needs("cut")
def test_power_is_cut_at_every_moment_of_an_update(agent: Stage) -> None:
    """The power fails while the agent waits for the first answer of an update, then for the second, until no more."""
    device = agent.start()
    deployments = [device.install() for _ in range(3)]
    device.adopts(device.publish(*deployments))
    for answers in range(_MOMENTS_AT_MOST):
        deployments = [device.change(deployments[0]), deployments[1], device.install()]
        with agent.silence(answers):
            publication = device.publish(*deployments)
            device.falls_silent(publication)
            was_over = device.has_looked_at(publication, polls=2)
            device.cut()
        device.start()
        device.adopts(device.publish_again(publication))
        if was_over:
            return
