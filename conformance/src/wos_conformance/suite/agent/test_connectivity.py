"""Situations around polling and waiting (connectivity.md)."""

import pytest

from wos_conformance.suite.agent.stage import Stage

TROUBLES = {
    "refused": (
        *("status-400", "status-401", "status-403", "status-404", "status-406", "status-409", "status-413"),
        *("status-500", "status-501", "status-502", "status-504"),
        *("problem-without-members", "problem-not-json", "problem-contradicts", "problem-not-retryable"),
        *("redirect", "redirect-elsewhere", "not-modified"),
    ),
    "torn": ("reset", "reset-midway", "truncated", "stall", "stall-midway", "drip", "endless"),
    "nonsense": (
        *("not-json", "wrong-media-type", "empty-body", "deeply-nested", "tag-lost", "huge-header"),
        *("coded-twice", "coded-badly", "gzip-bomb", "unknown-coding"),
    ),
}
REFUSALS = (
    *((429, "seconds"), (503, "date"), (503, "contradicted"), (413, "seconds")),
    *((503, "past-date"), (429, "zero"), (503, "negative"), (429, "words"), (503, "twice"), (429, "absent")),
    *((503, "member-only"), (406, "zero"), (409, "words")),
)


@pytest.mark.gives(
    "connectivity.polls",
    "connectivity.not-faster",
    "desired-state.accept-sent",
    "desired-state.conditional-poll",
    "desired-state.same-manifest-unchanged",
)
def test_nothing_changes(agent: Stage) -> None:
    """A manifest is adopted; then nothing changes, but for a WOS that hurries, and one that repeats itself."""
    device = agent.start()
    running = device.install()
    device.adopts(device.publish(running))
    device.polled(4)
    with agent.misbehave("manifest", "hurry"):
        device.polled(3)
    with agent.unconditional(device):
        for _ in range(3):
            device.polled(1)
            device.workloads()
    device.adopts(device.publish(running, device.install()))


@pytest.mark.gives("connectivity.back-off-grows")
def test_manifest_fails_again_and_again(agent: Stage) -> None:
    """Requests for the manifest fail in a row, then, after a good answer, in another way."""
    device = agent.start()
    device.polled(1)
    for behaviour in ("status-500", "reset"):
        with agent.misbehave("manifest", behaviour, count=4):
            device.polled(5)
        device.polled(1)


@pytest.mark.gives("connectivity.silence-keeps-running")
def test_wos_is_away(agent: Stage) -> None:
    """Something runs while nobody listens, and while somebody else does; then the WOS is back."""
    device = agent.start()
    running = device.install()
    device.adopts(device.publish(running))
    with agent.away():
        device.waits(5)
        device.workloads()
    device.polled(1)
    with agent.unrecognised():
        device.tries_twice()
        device.workloads()
    device.polled(1)
    device.adopts(device.publish(running, device.install()))


@pytest.mark.gives("connectivity.retry-after-respected", "connectivity.keeps-polling")
def test_wos_has_no_time(agent: Stage) -> None:
    """The manifest is refused again and again, in each form that says for how long; each time all is well then."""
    device = agent.start()
    running = device.install()
    device.adopts(device.publish(running))
    for status, form in REFUSALS:
        with agent.answer("manifest", status, retry_after=2 if form == "date" else 1, form=form):
            device.polled(2)
    device.adopts(device.publish(running, device.install()))


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


@pytest.mark.gives("connectivity.poll-window")
@pytest.mark.needs("start")
def test_agent_has_windows(agent: Stage) -> None:
    """An agent may call for a few seconds, and again after a pause; one that starts slowly misses the first time."""
    device, interval = agent.device(), round(agent.declared("poll_interval"))
    again, later = 5 + interval, 13 + 2 * interval
    device.publish()
    device.start(windows=[(-1, 2), (again, again + 3 + interval), (later, later + 60)])
    device.polled(1)
    device.calls_again_after(again if device.has_called_within(again) else later)
