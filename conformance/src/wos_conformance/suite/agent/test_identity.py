"""Situations around how an agent recognises its WOS (identity.md)."""

import pytest

from wos_conformance.suite.agent.stage import Stage

FLAWS = {
    "unknown-root": "identity.agent-verifies-chain",
    "missing-intermediate": "identity.agent-verifies-chain",
    "expired-leaf": "identity.agent-verifies-validity",
    "not-yet-valid-leaf": "identity.agent-verifies-validity",
    "expired-intermediate": "identity.agent-verifies-validity",
    "other-wos-id": "identity.agent-verifies-wos-id",
    "other-trust-domain": "identity.agent-verifies-wos-id",
    "case-variant": "identity.agent-verifies-wos-id",
    "client-shaped": "identity.agent-verifies-wos-id",
    "dns-only": "identity.agent-verifies-wos-id",
    "ca-leaf": "identity.agent-verifies-leaf",
    "two-uri-sans": "identity.agent-verifies-leaf",
}


@pytest.mark.gives(
    "identity.agent-id-shape",
    "identity.agent-tls-version",
    "identity.agent-chain-sent",
    "connectivity.agent-http-version",
)
def test_agent_shows_its_identity(agent: Stage) -> None:
    """An agent is started and finds the right WOS."""
    agent.start().polled(2)


@pytest.mark.gives(*sorted(set(FLAWS.values())))
def test_wos_shows_flawed_certificates(agent: Stage) -> None:
    """A running agent finds, one after the other, certificates that differ from the right one in one thing."""
    device = agent.start()
    for flaw in FLAWS:
        positive = device.polled(1)
        with agent.mark("attempt", flaw, twin=positive):
            device.finds_wos_with(flaw)
    device.polled(1)
