"""What the WOS was told to want, replayed from the acknowledged verbs of the test control: a plain model."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from wos_conformance.history import Control, ExchangeView, History

_CHANGES = ("assign", "update", "withdraw", "set_version")


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
    def content(self) -> tuple[Any, ...]:
        """All that decides about the document."""
        return self.application, self.profile_id, self.values, self.device_id


@dataclass
class ClientModel:
    """The desired state of one client; `changes` counts what really changed it."""

    deployments: dict[str, Wanted] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    changes: int = 0


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
        if control.verb == "set_version":
            self.of(str(request["spiffeId"])).changes += 1
        elif control.verb == "assign":
            self._assign(str(request["spiffeId"]), str(response.get("deploymentId")), request)
        elif (owner := self.owners.get(str(request["deploymentId"]))) is not None:
            self._change(self.of(owner), str(request["deploymentId"]), control.verb, request)

    def _assign(self, client: str, deployment_id: str, request: dict[str, Any]) -> None:
        model = self.of(client)
        model.deployments[deployment_id] = Wanted(
            deployment_id,
            request["deviceId"],
            request["application"],
            request["profileId"],
            request.get("parameters") or {},
        )
        model.changes += 1
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
        model.deployments[deployment_id] = changed
        model.changes += changed.content != known.content


def replay(history: History, views: Iterator[ExchangeView]) -> Iterator[tuple[ExchangeView, Model]]:
    """Exchanges with the model as it was then; one that a change overlaps is left out, for it may show either state."""
    verbs = sorted(
        (control for verb in _CHANGES for control in history.controls(verb)), key=lambda control: control.seq
    )
    model, position = Model(), 0
    for view in views:
        while position < len(verbs) and verbs[position].ended <= view.started:
            model.apply(verbs[position])
            position += 1
        if position == len(verbs) or verbs[position].started >= view.ended:
            yield view, model
