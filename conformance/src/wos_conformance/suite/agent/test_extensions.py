"""Situations with members that nobody knows (extensions.md)."""

import pytest

from wos_conformance.suite.agent.stage import Stage


@pytest.mark.gives("extensions.unknown-ignored", "desired-state.converges")
def test_document_has_extensions_of_a_stranger(agent: Stage) -> None:
    """Of two deployments one has extensions that the agent cannot know."""
    device = agent.start()
    device.adopts(device.publish(device.install(), device.install().extended(agent.random), note="extensions"))
