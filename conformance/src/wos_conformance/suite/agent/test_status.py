"""Situations around status reports (status.md)."""

import pytest

from wos_conformance.suite.agent.stage import Stage


@pytest.mark.gives(
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
def test_deployment_lives_and_dies(agent: Stage) -> None:
    """A deployment of three components beside another one is installed, changed and removed."""
    device = agent.start()
    one, other = device.install(components=3), device.install()
    device.adopts(device.publish(one, other))
    device.adopts(device.publish(device.change(one), other))
    device.adopts(device.publish(other))
    device.adopts(device.publish())


@pytest.mark.gives("status.repeated-after-failure", "status.legal-order", "connectivity.retry-after-respected")
@pytest.mark.parametrize("behaviour", ["status-503", "status-429", "reset"])
def test_report_is_not_taken(agent: Stage, behaviour: str) -> None:
    """The first reports of an installation are not taken; later ones are."""
    device = agent.start()
    device.polled(1)
    with agent.misbehave("status", behaviour, count=2):
        device.adopts(device.publish(device.install()))
    device.adopts(device.publish())
