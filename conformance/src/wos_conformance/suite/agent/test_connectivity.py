"""Situations around polling and waiting (connectivity.md)."""

import pytest

from wos_conformance.suite.agent.stage import Stage

TROUBLES = {
    "refused": ["status-400", "status-401", "status-403", "status-404", "status-406", "status-409", "status-413"],
    "failing": ["status-500", "status-502", "status-504", "problem-without-members", "problem-not-json"],
    "torn": ["reset", "reset-midway", "truncated", "stall", "drip", "endless"],
    "nonsense": ["not-json", "wrong-media-type", "empty-body", "deeply-nested", "tag-lost", "huge-header"],
    "coded": ["coded-twice", "coded-badly", "gzip-bomb", "unknown-coding"],
    "elsewhere": ["redirect", "redirect-elsewhere", "not-modified"],
}


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


@pytest.mark.gives("connectivity.keeps-polling", "desired-state.converges")
@pytest.mark.parametrize("kind", TROUBLES)
def test_manifest_cannot_be_had(agent: Stage, kind: str) -> None:
    """Requests for the manifest are answered in useless ways, one after the other; afterwards all is well."""
    device = agent.start()
    running = device.install()
    device.adopts(device.publish(running))
    for behaviour in TROUBLES[kind]:
        with agent.misbehave("manifest", behaviour, count=1):
            device.publish(running := device.change(running))
            device.polled(2)
    device.adopts(device.publish(device.change(running), device.install()))
