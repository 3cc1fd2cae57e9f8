"""Situations in which an agent keeps out of the work of others (boundary.md)."""

import pytest

from wos_conformance.drive import sample
from wos_conformance.suite.agent.stage import Stage


@pytest.mark.gives(
    "boundary.other-device-not-run",
    "boundary.unlisted-type-failed",
    "boundary.offer-announced-unchanged",
    "boundary.cluster-inside-unreported",
    "boundary.key-stays",
    "boundary.parameter-values-stay",
    "status.failed-stays",
    "status.failure-explained",
)
def test_some_deployments_cannot_run_here(agent: Stage) -> None:
    """Beside one that runs, a deployment is for another device, and one has a type that the device does not offer."""
    device = agent.start(types=agent.types[:1])
    told = {"rate": sample.word(agent.random, 24)}
    good, odd = device.install().having(told), device.install(kind=device.unlisted_type()).having(told)
    elsewhere = device.install().for_other_device(sample.word(agent.random))
    publication = device.publish(good, odd, elsewhere)
    device.adopts(publication)
    device.fails(publication, odd)
    device.adopts(device.publish(device.change(good), odd, elsewhere))
    device.polled(3)
    device.adopts(device.publish(good))


@pytest.mark.gives("boundary.redirect-not-followed", "desired-state.foreign-url-not-called")
def test_wos_sends_the_agent_elsewhere(agent: Stage) -> None:
    """Redirects, and the urls of a manifest, lead to a place where nobody has any business."""
    device = agent.start()
    running = device.install()
    device.adopts(device.publish(running))
    decoy = agent.decoy()
    for status in (302, 307):
        with agent.redirect("manifest", decoy, status):
            device.polled(2)
    with agent.redirect("artifact", decoy, 302):
        publication = device.publish(device.change(running), defect="artifact-redirected")
        device.settles(publication)
    device.adopts(device.publish_again(publication))
    for authority in (decoy, decoy.removeprefix("https:")):
        device.settles(device.publish(running, device.install(), defect="foreign-url", authority=authority))
    device.adopts(device.publish(running, device.install()))


@pytest.mark.gives("boundary.refusal-keeps-running")
def test_wos_refuses_a_client_that_it_knew(agent: Stage) -> None:
    """Something runs; requests for the manifest are refused for a while."""
    device = agent.start()
    device.adopts(device.publish(device.install()))
    for status in (401, 403, 404):
        with agent.misbehave("manifest", f"status-{status}"):
            device.polled(2)
        device.workloads()
    device.polled(1)


@pytest.mark.gives("boundary.no-return-to-older", "desired-state.failure-keeps-running")
@pytest.mark.needs("stop")
def test_trouble_follows_an_update(agent: Stage) -> None:
    """After an update the WOS fails, then serves something corrupt, then the agent is stopped and started."""
    device = agent.start()
    older = device.install()
    device.adopts(device.publish(older))
    newer = device.change(older)
    device.adopts(device.publish(newer))
    with agent.misbehave("manifest", "status-500"):
        device.polled(2)
    device.workloads()
    device.settles(device.publish(device.change(newer), defect="all-digests-wrong"))
    device.stop()
    device.start()
    device.recovers()
