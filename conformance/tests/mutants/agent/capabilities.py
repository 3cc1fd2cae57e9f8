"""Sins of an agent around capabilities."""

import json

from mutants.catalogue import AGENT, Patch
from wos_reference.agent import agent as agent_module
from wos_reference.agent.agent import Agent


@AGENT.against("capabilities.announced-first")
def never_announces(patch: Patch) -> None:
    """Polls without having said what it is."""
    patch(Agent, "announce", lambda self: setattr(self, "_announced", True))


@AGENT.against("capabilities.announced-first")
def announces_once_in_its_life(patch: Patch) -> None:
    """Does not announce again after a restart."""
    announce = Agent.announce

    def once(self: Agent) -> None:
        if not self._ledger.adopted_version():
            announce(self)
        self._announced = True

    patch(Agent, "announce", once)


@AGENT.against("capabilities.body-valid")
def announces_half(patch: Patch) -> None:
    """Leaves out what the schema requires."""
    announce = Agent.announce

    def half(self: Agent) -> None:
        content = json.loads(self._capabilities)
        self._capabilities = json.dumps({"properties": {"id": content["properties"]["id"]}}).encode()
        announce(self)

    patch(Agent, "announce", half)


@AGENT.against("capabilities.path-names-device")
def announces_under_another_name(patch: Patch) -> None:
    """All devices call themselves `device`."""
    patch(agent_module, "device_id_of", lambda capabilities, file: "device")
