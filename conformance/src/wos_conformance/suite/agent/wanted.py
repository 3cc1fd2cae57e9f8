"""Deployments as a scenario wants them, and what shall run because of them."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from wos_conformance.drive import publication, sample

Running = frozenset[tuple[str, str, str]]
"""Deployment id, component and revision of all that runs."""


@dataclass(frozen=True)
class Wanted:
    """A deployment as it shall run, or as it cannot: then `hopeless` says why.

    `device_id` is None for the device of the agent.
    `spelling` and `size` change the text of the document, not its meaning.
    """

    deployment_id: str
    application: dict[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    device_id: str | None = None
    spelling: str | None = None
    size: int = 0
    hopeless: str | None = None

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
        revision = sample.revision(random)
        changed = self._with(lambda a: _profile(a)["components"][0]["properties"].update(revision=revision))
        return replace(changed, values={"rate": random.randrange(10_000, 20_000)})

    def having(self, values: Mapping[str, Any]) -> "Wanted":
        """The same with other values of parameters."""
        return replace(self, values=dict(values))

    def with_parameters(self, parameters: Mapping[str, Any]) -> "Wanted":
        """The same with these parameters."""
        return self._with(lambda application: application.update(parameters=dict(parameters)))

    def meant_for(self, device_id: str) -> "Wanted":
        """The same for a child of the device, or for any of them (`…/*`)."""
        return replace(self, device_id=device_id)

    def for_other_device(self, device_id: str, why: str = "other-device") -> "Wanted":
        """The same for a device that is not there."""
        return replace(self, device_id=device_id, hopeless=why)

    def only_where(self, label: str, value: Any, *, holds: bool, operator: str = "In") -> "Wanted":
        """The same for devices with this label alone."""
        expression = {"key": label, "operator": operator, "values": [value]}
        rules = {"eligibilityRules": [{"labelSelector": {"matchExpressions": [expression]}}]}
        constrained = self._with(lambda application: _profile(application).update(deviceConstraints=rules))
        return constrained if holds else replace(constrained, hopeless="ineligible")

    def spelled(self, spelling: str) -> "Wanted":
        """The same in a document that nobody should read (`SPELLINGS`)."""
        return replace(self, spelling=spelling, hopeless="ambiguous-yaml")

    def padded(self, size: int) -> "Wanted":
        """The same in a document of exactly so many bytes."""
        return replace(self, size=size)

    def unobtainable(self) -> "Wanted":
        """The same with a first component that cannot be retrieved."""
        repository = "oci://registry.invalid/none"
        return replace(
            self._with(lambda a: _profile(a)["components"][0]["properties"].update(repository=repository)),
            hopeless="artifact-unavailable",
        )

    def kept_at(self, registry: str) -> "Wanted":
        """The same with components that a registry has, which is named by host and port."""
        kind = _profile(self.application)["type"]

        def move(application: dict[str, Any]) -> None:
            for part in _profile(application)["components"]:
                part["properties"]["repository"] = f"oci://{registry}/{kind}/{part['name']}"

        return self._with(move)

    @property
    def repositories(self) -> list[str]:
        """Where its components come from."""
        return [part["properties"]["repository"] for part in _profile(self.application)["components"]]

    def without_hope(self, why: str) -> "Wanted":
        """The same, which cannot run for a reason that is not in its document."""
        return replace(self, hopeless=why)

    def impatient(self, timeout: str) -> "Wanted":
        """The same with this timeout for each component."""
        return self._with(lambda a: [part["properties"].update(timeout=timeout) for part in _profile(a)["components"]])

    def extended(self, random: Random) -> "Wanted":
        """The same with extensions of a supplier that nobody knows."""
        name, value = f"x-{sample.word(random)}-extensions", {"warmUpSeconds": random.randrange(100)}

        def extend(application: dict[str, Any]) -> None:
            _profile(application)[name] = value
            _profile(application)["components"][0][name] = value

        return self._with(extend)

    def _with(self, change: Callable[[dict[str, Any]], Any]) -> "Wanted":
        application = json.loads(json.dumps(self.application))
        change(application)
        return replace(self, application=application)

    def document(self, device_id: str) -> bytes:
        """Its document."""
        content = publication.document(self.deployment_id, self.device_id or device_id, self.application, self.values)
        content = content.ljust(self.size, b" ")
        return SPELLINGS[self.spelling](content) if self.spelling else content


def _profile(application: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = application["deploymentProfiles"][0]
    return found


def _alias(content: bytes) -> bytes:
    """The namespace is an alias of the name."""
    named = re.sub(rb'("name": )("[^"]*",\s*"namespace": )"[^"]*"', rb"\1&name \2*name", content, count=1)
    assert named != content
    return named


SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "alias": _alias,
    "repeated-key": lambda content: content.replace(b'"metadata": {', b'"metadata": {}, "metadata": {', 1),
    "two-documents": lambda content: content + b"---\n" + content,
}
"""Texts of a document that some parsers read and an agent must not run."""
