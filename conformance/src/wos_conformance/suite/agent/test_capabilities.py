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
def test_agent_starts_twice(agent: Stage) -> None:
    """An agent is started, stopped and started again after it has adopted something."""
    device = agent.start()
    device.adopts(device.publish(device.install()))
    device.stop()
    device.start()
    device.polled(1)


@pytest.mark.gives("capabilities.announcement-repeated")
@pytest.mark.parametrize("behaviour", ["status-503", "status-500", "reset"])
def test_announcement_is_not_taken(agent: Stage, behaviour: str) -> None:
    """The first announcements of a device are not taken; later ones are."""
    device = agent.device()
    device.publish()
    with agent.misbehave("capabilities", behaviour, count=2):
        device.start()
        device.announced(3)


@pytest.mark.gives("capabilities.change-announced")
@pytest.mark.needs("set_capabilities")
def test_device_offers_another_share(agent: Stage) -> None:
    """The owner of a device changes how much of it can be used."""
    device = agent.start()
    device.adopts(device.publish(device.install()))
    device.changes_its_offer()
    device.polled(2)
