"""What a component's `compose.yaml` may ask of a device: nothing that reaches beyond its own archive and containers."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import yaml

from wos_reference.agent.document import NODE_LIMIT, CoreLoader
from wos_reference.agent.runtime import WorkloadError

VOLUME_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")  # what is neither a path nor a variable


def self_contained_services(text: bytes) -> list[str]:
    """The services that a `compose.yaml` starts.

    Raises WorkloadError for secrets, bind mounts, builds and files from outside the archive.
    """
    try:
        content = yaml.load(text, CoreLoader)  # noqa: S506 - a safe loader with the types of YAML 1.2
        if written_out(content, {}) > NODE_LIMIT:
            raise WorkloadError("compose.yaml is too large once its aliases are written out")
        reasons = list(_objections(_mapping(content)))
        services = _mapping(_mapping(content).get("services"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise WorkloadError(f"compose.yaml cannot be read: {error}") from error
    if reasons:
        raise WorkloadError(f"compose.yaml {reasons[0]}")
    return [name for name, service in services.items() if not _mapping(service).get("profiles")]


def written_out(value: Any, known: dict[int, int]) -> int:
    """How many nodes `value` has without aliases; `known` holds those that were counted, by identity."""
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in known:
        known[id(value)] = NODE_LIMIT  # a node that holds itself has no end
        items = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(written_out(item, known) for item in items)
    return known[id(value)]


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _objections(content: dict[str, Any]) -> Iterator[str]:
    if content.get("include"):
        yield "includes other files"
    if any("file" in _mapping(secret) for secret in _mapping(content.get("secrets")).values()):
        yield "takes secrets from files"
    if any(_mapping(volume).get("driver_opts") for volume in _mapping(content.get("volumes")).values()):
        yield "has a volume with options of a driver"
    configs = (_mapping(config).get("file") for config in _mapping(content.get("configs")).values())
    yield from filter(None, map(_outside, configs))
    for service in _mapping(content.get("services")).values():
        yield from _objections_to(_mapping(service))


def _objections_to(service: dict[str, Any]) -> Iterator[str]:
    if service.get("build"):
        yield "builds an image"
    if _mapping(service.get("extends")).get("file"):
        yield "extends a service of another file"
    if any(_binds(volume) for volume in _list(service.get("volumes"))):
        yield "mounts a folder of the device"
    files = (_mapping(file).get("path", file) for file in _list(service.get("env_file")))
    yield from filter(None, map(_outside, files))


def _binds(volume: Any) -> bool:
    if isinstance(volume, dict):
        return volume.get("type") not in ("volume", "tmpfs")
    source, separator, _ = str(volume).partition(":")
    return bool(separator) and not VOLUME_NAME.fullmatch(source)


def _outside(file: Any) -> str:
    path = PurePosixPath(str(file or ""))
    leads_out = path.is_absolute() or ".." in path.parts or str(path).startswith("~") or "$" in str(path)
    return f"reads {str(file)!r:.100}, which is not in its archive" if leads_out else ""
