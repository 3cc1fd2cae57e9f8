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
    "client-usage-only": "identity.agent-verifies-usage",
    "rsa-2048": "identity.agent-verifies-strength",
    "sha-1": "identity.agent-verifies-strength",
    "tls-1.2-only": "identity.agent-tls-1-2-off",
    "tls-1.2-cbc-only": "identity.agent-tls-1-2-suites",
}


@pytest.mark.gives(
    "identity.agent-id-shape",
    "identity.agent-tls-version",
    "identity.agent-chain-sent",
    "connectivity.agent-http-version",
    *sorted(set(FLAWS.values())),
)
def test_wos_shows_flawed_certificates(agent: Stage) -> None:
    """A running agent finds the right WOS, and in between certificates that differ from the right one in one thing."""
    device = agent.start()
    for flaw in FLAWS:
        positive = device.polled(1)
        with agent.mark("attempt", flaw, twin=positive):
            device.finds_wos_with(flaw)
    device.polled(1)


@pytest.mark.gives("identity.agent-bundle-replaced", "identity.agent-expired-root")
@pytest.mark.needs("stop")
def test_trust_bundle_is_replaced(agent: Stage) -> None:
    """An agent is started again with another root; its WOS first shows a certificate below the former one.

    Then it is started with a trust bundle whose only root has expired.
    """
    device = agent.start()
    device.changes_its_root()
    positive = device.polled(1)
    device.stop()
    old = agent.trust_domain.expired()
    agent.double.present(old.wos().flawed("expired-root"))
    device.start(bundle=old.bundle_pem)
    with agent.mark("attempt", "expired-root", twin=positive):
        device.tries_twice()
