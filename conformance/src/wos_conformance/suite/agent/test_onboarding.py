"""Situations in which a device changes its WOS (onboarding.md)."""

import pytest

from wos_conformance.suite.agent.stage import Stage


@pytest.mark.gives("onboarding.release-forgets", "onboarding.release-keeps-running")
@pytest.mark.needs("release")
def test_device_is_released_and_bound_to_another_wos(agent: Stage) -> None:
    """A report of the former WOS is still unheard when the device goes over to a WOS that begins with version 1."""
    device = agent.start()
    device.adopts(device.publish(device.install()))
    device.adopts(device.publish(device.install()))
    with agent.misbehave("status", "status-503"):
        device.runs(device.publish(device.install()))
    device.release()
    device.workloads()
    with agent.other_wos(device) as moved:
        publication = moved.publish(moved.install())
        with agent.misbehave("manifest", "status-503"):
            moved.start()
            moved.polled(1)
            moved.workloads()
        moved.adopts(publication)
