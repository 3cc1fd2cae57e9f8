"""Situations around the announcement of a device (capabilities.md)."""

import pytest

from wos_conformance.suite.agent.stage import Stage


@pytest.mark.gives("capabilities.announced-first", "capabilities.body-valid", "capabilities.path-names-device")
def test_agent_starts_twice(agent: Stage) -> None:
    """An agent is started, stopped and started again after it has adopted something."""
    device = agent.start()
    device.adopts(device.publish(device.install()))
    device.stop()
    device.start()
    device.polled(1)
