"""Sins of an agent around capabilities."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from mutants.catalogue import AGENT, Patch
from wos_reference.agent import announcer
from wos_reference.agent.agent import Agent
from wos_reference.agent.announcer import Announcer


def with_offer(patch: Patch, change: Callable[[dict[str, Any]], Any]) -> None:
    """Announce something else than what the device owner has set; used by the sins of other areas, too."""
    offers = Agent._offers

    def changed(self: Agent) -> dict[str, bytes]:
        found = {}
        for device, document in offers(self).items():
            change(content := json.loads(document))
            found[device] = json.dumps(content).encode()
        return found

    patch(Agent, "_offers", changed)


@AGENT.against("capabilities.announced-first")
def never_announces(patch: Patch) -> None:
    """Polls without having said what it is."""
    patch(Agent, "_has_news", lambda self: setattr(self, "_announced", True))


@AGENT.against("capabilities.announced-first")
def announces_once_in_its_life(patch: Patch) -> None:
    """Does not announce again after a restart."""
    has_news = Agent._has_news

    def once(self: Agent) -> bool:
        self._announced |= bool(self._ledger.adopted_version())
        return not self._ledger.adopted_version() and has_news(self)

    patch(Agent, "_has_news", once)


@AGENT.against("capabilities.body-valid", consequences=("boundary.offer-announced-unchanged",))
def announces_half(patch: Patch) -> None:
    """Leaves out what the schema requires."""
    with_offer(patch, lambda content: [content["properties"].pop(name, None) for name in ("vendor", "modelNumber")])


@AGENT.against("capabilities.hosting-complete", consequences=("boundary.offer-announced-unchanged",))
def does_not_tell_its_memory(patch: Patch) -> None:
    """Leaves out how much memory a hosting device has."""
    with_offer(patch, lambda content: content["properties"].pop("memory", None))


@AGENT.against("capabilities.path-names-device")
def announces_under_another_name(patch: Patch) -> None:
    """All devices call themselves `device`."""
    patch(announcer, "capabilities_path", lambda device: "/api/v1/capabilities/device")


@AGENT.against("capabilities.announcement-repeated")
def announces_and_does_not_listen(patch: Patch) -> None:
    """Does not announce again what was not taken."""
    patch(announcer, "may_succeed_later", lambda answer: False)


@AGENT.against("capabilities.change-announced")
def never_looks_at_itself_again(patch: Patch) -> None:
    """Announces for ever what it was at its start."""
    patch(Agent, "_read_offers", lambda self: None)


@AGENT.against("capabilities.slashes-raw")
def encodes_slashes(patch: Patch) -> None:
    """Takes a device id for one segment of a path."""
    patch(announcer, "capabilities_path", lambda device: f"/api/v1/capabilities/{quote(device, safe='')}")


@AGENT.against("capabilities.gateway-first", consequences=("boundary.offer-announced-unchanged",))
def announces_children_first(patch: Patch) -> None:
    """Speaks of itself last."""
    offers = Agent._offers
    patch(Agent, "_offers", lambda self: dict(reversed(offers(self).items())))


@AGENT.against("capabilities.children-announced")
def hides_its_children(patch: Patch) -> None:
    """Announces the gateway alone."""
    offers = Agent._offers
    patch(Agent, "_offers", lambda self: {self._device_id: offers(self)[self._device_id]})


@AGENT.against("capabilities.child-withdrawn")
def forgets_to_withdraw_children(patch: Patch) -> None:
    """Says nothing of a device that has left."""
    patch(Announcer, "_gone", lambda self, offers: [])


@AGENT.against("capabilities.see-through-identity-only", consequences=("boundary.offer-announced-unchanged",))
def invents_what_a_gateway_offers(patch: Patch) -> None:
    """Announces a gateway that hosts nothing as if it did."""

    def fill(content: dict[str, Any]) -> None:
        content["properties"].setdefault("memory", "1Gi")

    with_offer(patch, fill)


@AGENT.against(
    "capabilities.parent-unknown-recovered",
    consequences=("capabilities.children-announced", "desired-state.converges", "status.installed-reported"),
)
def insists_on_its_children(patch: Patch) -> None:
    """Does not see that its gateway was forgotten."""
    patch(announcer, "problem_name", lambda answer: "")
