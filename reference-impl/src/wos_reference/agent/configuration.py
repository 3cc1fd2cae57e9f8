"""What one agent is told before it starts: one YAML file and environment variables, read once.

Each value of the file may be replaced by a variable `WOS_AGENT_<NAME>` whose text is read as YAML.
A wrong value ends the start with a sentence.
"""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from wos_reference.agent.credential import Credential
from wos_reference.agent.schedule import Windows

PREFIX = "WOS_AGENT_"
DEFAULT_APPLY_TIME = 300.0
RUNTIMES = ("folder", "compose", "helm")
CREDENTIALS_NAME = "config.json"


class ConfigurationError(Exception):
    """The configuration cannot be used; the text says which value is wrong and what is allowed."""


@dataclass(frozen=True)
class Engines:
    """The runtimes of a device and how they are reached; `owner` marks what this agent runs there."""

    runtimes: tuple[str, ...]
    owner: str
    compose_command: tuple[str, ...]
    docker_host: str | None
    helm_command: tuple[str, ...]
    kubeconfig: Path | None
    plain_http_registries: frozenset[str]
    registry_credentials: Path | None
    registry_anchors: Path | None


@dataclass(frozen=True)
class IdentityServiceSettings:
    """Where SVID and trust bundle come from when they are not given as files."""

    url: str
    anchors: Path
    enrols: bool
    discovers: bool
    enrolment_code: str | None
    factory: Credential | None


@dataclass(frozen=True)
class Configuration:
    """The declared values of `spec/v1.0/README.md` (all times in seconds) and where the agent finds its files."""

    wos_url: str
    svid: Path
    key: Path
    trust_bundle: Path
    state: Path
    capabilities: Path
    poll_interval: float
    request_timeout: float
    max_backoff: float
    apply_time: float
    poll_windows: Windows
    children: Path | None
    identity_service: IdentityServiceSettings | None
    engines: Engines


def load(file: Path, environment: Mapping[str, str] = os.environ) -> Configuration:
    """Read `file`, then `environment`; relative paths count from the folder of `file`. Raises ConfigurationError."""
    values = _read(file) | _variables(environment)
    state = file.parent / _text(values, "state")
    kept = {name: str((state / "identity" / f"{name}.pem").absolute()) for name in ("svid", "key", "trust_bundle")}
    defaults = kept if values.get("identity_service") else {}
    return Configuration(
        wos_url=_url(values, "wos_url"),
        svid=file.parent / _text(values, "svid", defaults.get("svid")),
        key=file.parent / _text(values, "key", defaults.get("key")),
        trust_bundle=file.parent / _text(values, "trust_bundle", defaults.get("trust_bundle")),
        state=state,
        capabilities=file.parent / _text(values, "capabilities"),
        poll_interval=_seconds(values, "poll_interval"),
        request_timeout=_seconds(values, "request_timeout"),
        max_backoff=_seconds(values, "max_backoff"),
        apply_time=_seconds(values, "apply_time", DEFAULT_APPLY_TIME),
        poll_windows=_windows(values.get("poll_windows") or []),
        children=file.parent / _text(values, "children") if values.get("children") else None,
        identity_service=_identity_service(values, file.parent),
        engines=_engines(values, file.parent),
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read {file}: {error}") from error
    if not isinstance(values, dict):
        raise ConfigurationError(f"{file} is not a mapping")
    return values


def _variables(environment: Mapping[str, str]) -> dict[str, Any]:
    try:
        return {
            name.removeprefix(PREFIX).lower(): yaml.safe_load(text)
            for name, text in environment.items()
            if name.startswith(PREFIX)
        }
    except yaml.YAMLError as error:
        raise ConfigurationError(f"a variable {PREFIX}… is not YAML: {error}") from error


def _identity_service(values: dict[str, Any], folder: Path) -> IdentityServiceSettings | None:
    given = values.get("identity_service")
    if not given:
        return None
    if not isinstance(given, dict):
        raise ConfigurationError(f"identity_service is {given!r}; expected a mapping")
    factory = None
    if given.get("factory"):
        factory = Credential(folder / _text(given, "factory"), folder / _text(given, "factory_key"))
    return IdentityServiceSettings(
        url=_url(given, "url"),
        anchors=folder / _text(given, "anchors"),
        enrols="svid" not in values,
        discovers="trust_bundle" not in values,
        enrolment_code=given.get("enrolment_code") and _text(given, "enrolment_code"),
        factory=factory,
    )


def _engines(values: dict[str, Any], folder: Path) -> Engines:
    runtimes = _texts(values, "runtimes", ["folder"])
    if not runtimes or set(runtimes) - set(RUNTIMES) or ("folder" in runtimes and len(runtimes) > 1):
        raise ConfigurationError(f"runtimes is {runtimes!r}; expected [folder], or some of {RUNTIMES[1:]}")
    return Engines(
        runtimes=runtimes,
        owner=_text(values, "owner", "agent"),
        compose_command=tuple(shlex.split(_text(values, "compose_command", "docker compose"))),
        docker_host=values.get("docker_host") and _text(values, "docker_host"),
        helm_command=tuple(shlex.split(_text(values, "helm_command", "helm"))),
        kubeconfig=folder / _text(values, "kubeconfig") if values.get("kubeconfig") else None,
        plain_http_registries=frozenset(_texts(values, "plain_http_registries", [])),
        registry_credentials=_registry_credentials(values, folder),
        registry_anchors=folder / _text(values, "registry_anchors") if values.get("registry_anchors") else None,
    )


def _registry_credentials(values: dict[str, Any], folder: Path) -> Path | None:
    """A file that docker and helm read as well; docker finds it by its folder."""
    if not values.get("registry_credentials"):
        return None
    file = (folder / _text(values, "registry_credentials")).absolute()
    if file.name != CREDENTIALS_NAME:
        raise ConfigurationError(f"registry_credentials is {file}; expected a file with the name {CREDENTIALS_NAME}")
    return file


def _text(values: dict[str, Any], name: str, default: str | None = None) -> str:
    value = values.get(name, default)
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{name} is {value!r}; expected a text")
    return value


def _texts(values: dict[str, Any], name: str, default: list[str]) -> tuple[str, ...]:
    value = values.get(name, default)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigurationError(f"{name} is {value!r}; expected a list of texts")
    return tuple(value)


def _windows(parts: Any) -> Windows:
    try:
        return Windows(tuple((time.fromisoformat(part["from"]), time.fromisoformat(part["to"])) for part in parts))
    except (TypeError, KeyError, ValueError) as error:
        raise ConfigurationError(f"poll_windows is {parts!r}; expected a list of {{from: HH:MM, to: HH:MM}}") from error


def _seconds(values: dict[str, Any], name: str, default: float | None = None) -> float:
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise ConfigurationError(f"{name} is {value!r}; expected seconds above 0")
    return float(value)


def _url(values: dict[str, Any], name: str) -> str:
    url = _text(values, name)
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ConfigurationError(f"{name} is {url!r}; expected https://host[:port] without a path")
    return url.rstrip("/")
