"""Deployments as a scenario wants them, and what shall run because of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from wos_conformance.drive import publication, sample

Running = frozenset[tuple[str, str, str]]
"""Deployment id, component and revision of all that runs."""


@dataclass(frozen=True)
class Wanted:
    """A deployment as it shall run; `device_id` is None for the device of the agent."""

    deployment_id: str
    application: dict[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    device_id: str | None = None

    @classmethod
    def new(cls, random: Random, components: int = 1, kind: str = "compose") -> "Wanted":
        """A deployment that nobody has seen before."""
        return cls(sample.uuid(random), sample.application(random, components, kind))

    @property
    def running(self) -> Running:
        """All that shall run."""
        parts = self.application["deploymentProfiles"][0]["components"]
        return frozenset((self.deployment_id, part["name"], part["properties"]["revision"]) for part in parts)

    def changed(self, random: Random) -> "Wanted":
        """Another revision of the first component, and another parameter."""
        application = json.loads(json.dumps(self.application))
        application["deploymentProfiles"][0]["components"][0]["properties"]["revision"] = sample.revision(random)
        return replace(self, application=application, values={"rate": random.randrange(10_000, 20_000)})

    def having(self, values: Mapping[str, Any]) -> "Wanted":
        """The same with other values of parameters."""
        return replace(self, values=dict(values))

    def meant_for(self, device_id: str) -> "Wanted":
        """The same for another device."""
        return replace(self, device_id=device_id)

    def document(self, device_id: str) -> bytes:
        """Its document."""
        return publication.document(self.deployment_id, self.device_id or device_id, self.application, self.values)
