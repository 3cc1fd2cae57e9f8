"""What the WOS was told to want, replayed from the acknowledged verbs of the test control: a plain model.

An agent changes it in one way only: when it deletes a device, the deployments for it end.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from wos_conformance.history import Control, ExchangeView, History

_CHANGES = ("admit", "retire", "assign", "update", "withdraw", "set_version")


@dataclass(frozen=True)
class Wanted:
    """One deployment as it was assigned."""

    deployment_id: str
    device_id: str
    application: dict[str, Any]
    profile_id: str
    values: dict[str, Any]

    @property
    def profile(self) -> dict[str, Any]:
        """The chosen profile; empty when the description has none of that id."""
        profiles = self.application.get("deploymentProfiles", [])
        return next((dict(profile) for profile in profiles if profile.get("id") == self.profile_id), {})

    @property
    def components(self) -> list[tuple[str, str, str]]:
        """Name, repository and revision of each component, in order."""
        return [
            (part["name"], part["properties"]["repository"], part["properties"]["revision"])
            for part in self.profile.get("components", [])
        ]

    @property
    def parameters(self) -> dict[str, Any]:
        """Each parameter that has a value: the assigned one, else that of the description."""
        described: dict[str, Any] = self.application.get("parameters", {})
        values = {name: self.values.get(name, parameter.get("value")) for name, parameter in described.items()}
        return {
            name: {"value": value, "targets": described[name]["targets"]}
            for name, value in values.items()
            if value is not None
        }

    @property
    def given(self) -> set[str]:
        """The names of all parameters to which somebody has given a value."""
        described: dict[str, Any] = self.application.get("parameters", {})
        return {name for name, parameter in described.items() if "value" in parameter} | set(self.values)

    @property
    def content(self) -> tuple[Any, ...]:
        """All that decides about the document."""
        return self.application, self.profile_id, self.values, self.device_id


@dataclass
class ClientModel:
    """The desired state of one client; `changes` counts what really changed it."""

    deployments: dict[str, Wanted] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    changes: int = 0
    components: dict[str, set[str]] = field(default_factory=dict)
    """The names of all components that a deployment has ever had."""
    lost_with_device: set[str] = field(default_factory=set)
    """What was withdrawn because its device was deleted,"""
    lost_with_parent: set[str] = field(default_factory=set)
    """or because a parent of its device was."""
    relation: int = 0
    """How often the client was retired; what it knew of an earlier relation is gone."""
    accepted: bool = True
    accepted_again: int | None = None
    """The event that accepted the client anew after it was retired, while nothing was assigned since."""

    def remember(self, wanted: Wanted) -> None:
        """A deployment is, or becomes, like this."""
        self.deployments[wanted.deployment_id] = wanted
        known = self.components.setdefault(wanted.deployment_id, set())
        known.update(name for name, _, _ in wanted.components)

    def delete(self, device_id: str) -> None:
        """The deployments for a device and its children end."""
        for name, wanted in list(self.deployments.items()):
            if wanted.device_id == device_id:
                self.lost_with_device.add(name)
            elif wanted.device_id.startswith(f"{device_id}/"):
                self.lost_with_parent.add(name)
            else:
                continue
            del self.deployments[name]
            self.withdrawn.add(name)
            self.changes += 1

    def doubt(self, device_id: str) -> None:
        """Nobody knows whether the device was deleted, so nothing is said of its deployments any more."""
        for name, wanted in list(self.deployments.items()):
            if f"{wanted.device_id}/".startswith(f"{device_id}/"):
                del self.deployments[name]
        self.changes += 1

    def retire(self) -> None:
        """All deployments end, and the client never had any: the one who returns begins anew."""
        for known in (self.deployments, self.withdrawn, self.components, self.lost_with_device, self.lost_with_parent):
            known.clear()
        self.changes += 1
        self.relation += 1
        self.accepted = False
        self.accepted_again = None


@dataclass
class Model:
    """The desired state of all clients."""

    clients: dict[str, ClientModel] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)

    def of(self, client: str) -> ClientModel:
        """The model of one client."""
        return self.clients.setdefault(client, ClientModel())

    def apply(self, control: Control) -> None:
        """Carry out an acknowledged verb."""
        request, response = control.request, control.response or {}
        client = self.of(str(request.get("spiffeId", "")))
        if control.verb == "set_version":
            client.changes += 1
        elif control.verb == "retire":
            client.retire()
        elif control.verb == "admit" and not client.accepted:
            client.accepted, client.accepted_again = True, control.seq
        elif control.verb == "assign":
            self._assign(str(request["spiffeId"]), str(response.get("deploymentId")), request)
        elif control.verb == "admit":
            return
        elif (owner := self.owners.get(str(request["deploymentId"]))) is not None:
            self._change(self.of(owner), str(request["deploymentId"]), control.verb, request)

    def _assign(self, client: str, deployment_id: str, request: dict[str, Any]) -> None:
        model = self.of(client)
        model.remember(
            Wanted(
                deployment_id,
                request["deviceId"],
                request["application"],
                request["profileId"],
                request.get("parameters") or {},
            )
        )
        model.changes += 1
        model.accepted_again = None
        self.owners[deployment_id] = client

    def _change(self, model: ClientModel, deployment_id: str, verb: str, request: dict[str, Any]) -> None:
        known = model.deployments.get(deployment_id)
        if known is None:
            return
        if verb == "withdraw":
            del model.deployments[deployment_id]
            model.withdrawn.add(deployment_id)
            model.changes += 1
            return
        changed = Wanted(
            deployment_id,
            known.device_id,
            request.get("application", known.application),
            request.get("profileId", known.profile_id),
            request.get("parameters", known.values),
        )
        model.remember(changed)
        model.changes += changed.content != known.content


def replay(history: History, views: Iterator[ExchangeView]) -> Iterator[tuple[ExchangeView, Model]]:
    """Exchanges with the model as it was then; one that a change overlaps is left out, for it may show either state."""
    changes = _changes(history)
    model, position = Model(), 0
    for view in views:
        while position < len(changes) and changes[position].ended <= view.started:
            _carry_out(changes[position], model)
            position += 1
        rest = itertools.islice(changes, position, None)
        ahead = next((change for change in rest if change.seq != view.seq), None)
        if ahead is None or ahead.started >= view.ended:
            yield view, model


@lru_cache(maxsize=4)
def _changes(history: History) -> list[Control | ExchangeView]:
    found: list[Control | ExchangeView] = [control for verb in _CHANGES for control in history.controls(verb)]
    deletions = history.exchanges("capabilities-delete")
    found += [view for view in deletions if view.status in (None, 204) or view.status >= 500]
    return sorted(found, key=lambda change: change.seq)


def _carry_out(change: Control | ExchangeView, model: Model) -> None:
    if isinstance(change, Control):
        model.apply(change)
    elif change.status == 204:
        model.of(change.client).delete(change.parameters["deviceId"])
    else:
        model.of(change.client).doubt(change.parameters["deviceId"])
