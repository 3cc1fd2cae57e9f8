"""Plausible content with random parts: capabilities, applications, reports. Nothing in it names the suite."""

from collections.abc import Sequence
from random import Random
from typing import Any
from uuid import UUID

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def word(random: Random, length: int = 8) -> str:
    """A lower-case name which starts with a letter."""
    return random.choice(_ALPHABET[:26]) + "".join(random.choices(_ALPHABET, k=length - 1))


def uuid(random: Random) -> str:
    """A version 4 UUID from the given source."""
    return str(UUID(int=random.getrandbits(128), version=4))


def digest(random: Random) -> str:
    """A well-formed digest which belongs to nothing."""
    return f"sha256:{random.getrandbits(256):064x}"


def revision(random: Random) -> str:
    """A semantic version without prefix."""
    return ".".join(str(random.randrange(0, 1000)) for _ in range(3))


def capabilities(random: Random, device_id: str) -> dict[str, Any]:
    """A valid document of a hosting device (schema ``device-capabilities``)."""
    return {
        "properties": {
            "id": device_id,
            "vendor": word(random),
            "modelNumber": word(random, 5),
            "serialNumber": word(random, 12),
            "cpus": [{"cores": random.randrange(1, 64), "architecture": random.choice(["amd64", "arm64"])}],
            "memory": f"{random.randrange(1, 512)}Gi",
            "storage": f"{random.randrange(1, 4096)}Gi",
            "peripherals": [],
            "interfaces": [{"type": random.choice(["ethernet", "wifi", "canbus"])}],
            "otelCollector": True,
            "supportedRuntimes": ["oci"],
            "supportedDeploymentTypes": ["compose", "helm"],
        },
        "labels": {"site": word(random), "line": random.randrange(1, 100)},
    }


def see_through(random: Random, device_id: str) -> dict[str, Any]:
    """A valid document of a gateway that hosts no workloads."""
    names = ("id", "vendor", "modelNumber", "serialNumber")
    properties = capabilities(random, device_id)["properties"]
    return {"properties": {name: properties[name] for name in names}, "labels": {"site": word(random)}}


def component(random: Random, name: str | None = None) -> dict[str, Any]:
    """One component of a deployment profile."""
    chosen = name or word(random)
    properties = {"repository": f"oci://registry.example/{chosen}", "revision": revision(random)}
    return {"name": chosen, "properties": properties}


def application(random: Random, components: int = 1, kind: str = "compose") -> dict[str, Any]:
    """A valid application description with one profile, called like its type, and one parameter with a default."""
    parts = [component(random) for _ in range(components)]
    targets = [{"pointer": word(random).upper(), "components": [part["name"] for part in parts]}]
    return {
        "apiVersion": "v1",
        "id": f"com-example-{word(random)}",
        "metadata": {
            "name": word(random),
            "version": revision(random),
            "catalog": {"organization": [{"name": word(random)}]},
        },
        "deploymentProfiles": [{"type": kind, "id": kind, "components": parts}],
        "parameters": {"rate": {"value": random.randrange(1, 10_000), "targets": targets}},
    }


def constraints(random: Random) -> dict[str, Any]:
    """Constraints of a profile (schema ``device-constraints``), with a kind and an operator that nobody knows."""
    expressions = [
        {"key": word(random), "operator": "In", "values": [1, "1", True, 2.5]},
        {"key": "/cpus", "operator": "ContainsAny", "itemSelector": {"matchExpressions": [_anything(random)]}},
        {"key": word(random), "operator": word(random).title()},
    ]
    return {
        "capacityRequirements": {"cpu": {"cores": 0.5, "architectures": ["arm64"]}, "memory": "128Mi"},
        "eligibilityRules": [{"labelSelector": {"matchExpressions": expressions}}],
        word(random): {"unknown": ["kind"]},
    }


def _anything(random: Random) -> dict[str, Any]:
    return {"key": f"/{word(random)}", "operator": "Exists"}


def status(deployment_id: str, version: int, components: Sequence[str], state: str = "installed") -> dict[str, Any]:
    """A valid report in which every component has the same state (schema ``deployment-status``)."""
    return {
        "deploymentId": deployment_id,
        "adoptedManifestVersion": version,
        "status": {"state": state},
        "components": [{"name": name, "state": state} for name in components],
    }
