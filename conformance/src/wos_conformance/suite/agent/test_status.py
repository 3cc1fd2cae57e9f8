"""Situations around status reports (status.md)."""

import pytest

from wos_conformance.suite.agent.stage import Stage


@pytest.mark.gives("status.repeated-after-failure", "status.legal-order", "connectivity.retry-after-respected")
def test_reports_are_not_taken(agent: Stage) -> None:
    """The first reports of an installation are not taken, each for another reason; later ones are."""
    device = agent.start()
    device.polled(1)
    with agent.misbehave_in_turn("status", ("status-503-at-any-time", "reset", "status-429")):
        device.adopts(device.publish(device.install()))
    device.adopts(device.publish())


@pytest.mark.gives("status.one-at-a-time", "status.legal-order", "status.installed-reported")
def test_answers_to_reports_come_late(agent: Stage) -> None:
    """Each report is answered after some time, while a deployment goes through its states."""
    device = agent.start()
    wanted = device.install(components=2)
    with agent.misbehave("status", "late"):
        device.runs(device.publish(wanted, device.install()))
        device.runs(device.publish(device.change(wanted)))
    device.adopts(device.publish(device.change(wanted)))


@pytest.mark.gives("status.survives-power-cut", "status.legal-order")
@pytest.mark.needs("cut")
def test_power_is_cut_before_a_report_is_taken(agent: Stage) -> None:
    """Nobody takes the reports of an installation until the power fails; afterwards they are taken."""
    device = agent.start()
    device.polled(1)
    for behaviour in ("status-503", "stall"):
        with agent.misbehave("status", behaviour):
            publication = device.publish(device.install())
            device.reports(1)
            device.installs(publication)
            device.cut()
        device.start()
        device.adopts(device.publish_again(publication))
        device.polled(2)


@pytest.mark.gives(
    "status.unverified-reported", "status.unretrieved-reported", "status.failure-explained", "status.legal-order"
)
def test_documents_cannot_be_obtained(agent: Stage) -> None:
    """A deployment and its change are published, and neither can be obtained; an older manifest and good ones come."""
    device = agent.start()
    for obstacle in ("all-digests-wrong", "artifacts-missing"):
        running, other = device.install(), device.install()
        device.adopts(device.publish(running))
        device.fails(device.publish(running, other, defect=obstacle), other)
        device.fails(device.publish(device.change(running), defect=obstacle))
        device.says_where_it_stands(device.publish(running, defect="version-lower"))
        device.adopts(device.publish(device.change(running)))
