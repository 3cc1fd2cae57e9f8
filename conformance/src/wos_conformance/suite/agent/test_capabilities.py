"""Situations around the announcement of a device (capabilities.md)."""

import pytest

from wos_conformance.suite.agent.stage import Stage


@pytest.mark.gives(
    "capabilities.announced-first",
    "capabilities.body-valid",
    "capabilities.path-names-device",
    "capabilities.hosting-complete",
    "boundary.offer-announced-unchanged",
)
@pytest.mark.needs("stop")
def test_agent_starts_twice(agent: Stage) -> None:
    """An agent is started, stopped and started again after it has adopted something."""
    device = agent.start()
    device.adopts(device.publish(device.install()))
    device.stop()
    device.start()
    device.polled(1)


@pytest.mark.gives("capabilities.announcement-repeated")
@pytest.mark.needs("start")
def test_announcement_is_not_taken(agent: Stage) -> None:
    """The first announcements of a device are not taken, each for another reason; the next one is."""
    device = agent.device()
    device.publish()
    reasons = ("status-503-at-any-time", "status-500", "reset", "status-429")
    with agent.misbehave_in_turn("capabilities", reasons):
        device.start()
        device.announced(len(reasons) + 1)


@pytest.mark.gives("capabilities.change-announced")
@pytest.mark.needs("set_capabilities")
def test_device_offers_another_share(agent: Stage) -> None:
    """The owner of a device changes how much of it can be used."""
    device = agent.start()
    device.adopts(device.publish(device.install()))
    device.changes_its_offer()
    device.polled(2)


@pytest.mark.gives(
    "capabilities.slashes-raw",
    "capabilities.gateway-first",
    "capabilities.children-announced",
    "capabilities.see-through-identity-only",
    "status.child-named",
    "status.gateway-error-source",
    "deployment.unknown-child-101",
    "deployment.any-child-answered",
)
@pytest.mark.needs("start")
def test_gateway_speaks_for_its_children(agent: Stage) -> None:
    """Deployments are for one child, for any child, and for a child that is not there."""
    device = agent.gateway().start()
    device.announced(3)
    child = device.children[0]["properties"]["id"]
    stranger = device.install().for_other_device(f"{device.device_id}/nobody", "unknown-child")
    anybody = device.install().meant_for(f"{device.device_id}/*")
    publication = device.publish(device.install().meant_for(child), anybody, stranger)
    device.fails(publication, stranger)
    device.polled(3)
    device.workloads()


@pytest.mark.gives("capabilities.child-withdrawn")
@pytest.mark.needs("set_capabilities")
def test_child_leaves_its_gateway(agent: Stage) -> None:
    """One of two children is taken away."""
    device = agent.gateway().start()
    device.announced(3)
    device.loses_a_child()
    device.polled(1)


@pytest.mark.gives("capabilities.parent-unknown-recovered")
@pytest.mark.needs("start")
def test_wos_has_forgotten_the_gateway(agent: Stage) -> None:
    """A child is refused, because its gateway is unknown."""
    device = agent.gateway()
    with agent.forget_gateway():
        device.start()
        device.announced(5)
    device.polled(2)
