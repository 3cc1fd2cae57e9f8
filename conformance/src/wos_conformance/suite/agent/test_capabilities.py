"""Situations around the announcement of a device (capabilities.md)."""

import pytest

from wos_conformance.suite.agent.stage import Stage


@pytest.mark.gives("capabilities.announced-first", "capabilities.body-valid", "capabilities.path-names-device")
def test_agent_starts_twice(agent: Stage) -> None:
    """An agent is started, stopped and started again."""
    device = agent.start()
    device.polled(1)
    device.stop()
    device.start()
    device.polled(1)
