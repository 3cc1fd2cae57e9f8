"""Situations around polling and waiting (connectivity.md)."""

import pytest

from wos_conformance.suite.agent.stage import Stage


@pytest.mark.gives("connectivity.polls", "desired-state.accept-sent", "desired-state.conditional-poll")
def test_nothing_changes(agent: Stage) -> None:
    """A manifest is adopted; then nothing changes for a while."""
    device = agent.start()
    device.adopts(device.publish(device.install()))
    device.polled(4)


@pytest.mark.gives("connectivity.retry-after-respected", "connectivity.keeps-polling")
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_wos_has_no_time(agent: Stage, status: int, form: str) -> None:
    """The manifest is refused for a while; afterwards all is well."""
    device = agent.start()
    device.adopts(device.publish(device.install()))
    with agent.answer("manifest", status, retry_after=1 if form == "seconds" else 2, form=form):
        device.polled(1)
    device.polled(2)
    device.adopts(device.publish(device.install()))


@pytest.mark.gives("connectivity.keeps-polling")
@pytest.mark.parametrize("behaviour", ["status-500", "status-403", "reset", "not-json", "wrong-media-type", "redirect"])
def test_manifest_cannot_be_had(agent: Stage, behaviour: str) -> None:
    """The request for the manifest is answered with something useless; afterwards all is well."""
    device = agent.start()
    device.adopts(device.publish(device.install()))
    with agent.misbehave("manifest", behaviour):
        device.polled(2)
    device.adopts(device.publish(device.install()))
