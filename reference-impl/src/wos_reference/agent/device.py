"""The devices that an agent speaks for: its own, and those behind it when it is a gateway (`deployment.md`)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wos_reference.agent.document import Document
from wos_reference.agent.eligibility import is_eligible
from wos_reference.agent.runtime import WorkloadError


@dataclass(frozen=True)
class Fleet:
    """Own device and children; `offers` maps device id to capabilities, the own one first."""

    offers: dict[str, dict[str, Any]]

    @property
    def own(self) -> str:
        """The id of the own device."""
        return next(iter(self.offers))

    @property
    def is_gateway(self) -> bool:
        """Whether there are children."""
        return len(self.offers) > 1

    def place(self, document: Document, chosen: str | None = None) -> str:
        """The device on which `document` is to run; `chosen` is the earlier choice. Raises WorkloadError."""
        below = self.own + "/"
        target = document.device_id
        if target.endswith("/*") and self.is_gateway and target.startswith(below):
            return self._choose(document, target[:-1], chosen)
        if target not in self.offers:
            if self.is_gateway and target.startswith(below):
                raise WorkloadError(f"{target} is not behind this gateway", code="101")
            raise WorkloadError(f"the deployment is meant for {target!r:.200}", code="document-invalid")
        objection = objection_of(document, self.offers[target])
        if objection:
            raise objection
        return target

    def _choose(self, document: Document, prefix: str, chosen: str | None) -> str:
        fitting = [
            device
            for device, offer in sorted(self.offers.items())
            if device.startswith(prefix) and objection_of(document, offer) is None
        ]
        if not fitting:
            raise WorkloadError("no device behind this gateway fits", code="103")
        return chosen if chosen in fitting else fitting[0]


def objection_of(document: Document, offer: dict[str, Any]) -> WorkloadError | None:
    """Why a device with these capabilities does not run `document`, if it does not."""
    types = offer.get("properties", {}).get("supportedDeploymentTypes")
    if document.type not in (types or []):
        return WorkloadError(f"this device does not offer the type {document.type}", code="unlisted-type")
    if not is_eligible(document.constraints, offer):
        return WorkloadError("this device does not fulfil the constraints", code="constraint-unmet")
    return None


def fleet_of(offers: Sequence[bytes]) -> Fleet:
    """The fleet of capabilities documents that were checked before."""
    documents = [json.loads(offer) for offer in offers]
    return Fleet({document["properties"]["id"]: document for document in documents})
