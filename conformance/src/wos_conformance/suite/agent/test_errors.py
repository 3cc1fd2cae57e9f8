"""Situations in which a WOS refuses what an agent sends (errors.md)."""

import pytest

from wos_conformance.suite.agent.stage import Stage


@pytest.mark.gives("errors.keeps-running", "errors.permanent-not-repeated")
def test_reports_are_refused(agent: Stage) -> None:
    """Something runs; each time something else comes, every report about it is refused for a while."""
    device = agent.start()
    running = device.install()
    device.adopts(device.publish(running))
    for status in (400, 403, 422, 500):
        with agent.misbehave("status", f"status-{status}"):
            device.runs(device.publish(running, device.install()))
            device.polled(2)
            device.workloads()
        device.adopts(device.publish(running, device.install()))


@pytest.mark.gives("errors.keeps-running", "errors.permanent-not-repeated")
@pytest.mark.needs("stop")
def test_announcement_is_refused(agent: Stage) -> None:
    """Something runs when the agent is started again, and its capabilities are not accepted any more."""
    device = agent.start()
    device.adopts(device.publish(device.install()))
    for status in (422, 403):
        device.stop()
        with agent.misbehave("capabilities", f"status-{status}"):
            device.start()
            device.polled(3)
            device.workloads()
