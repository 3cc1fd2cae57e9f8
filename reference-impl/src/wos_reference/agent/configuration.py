"""What one agent is told before it starts: one YAML file, read once; a wrong value ends the start with a sentence."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml


class ConfigurationError(Exception):
    """The configuration cannot be used; the text says which value is wrong and what is allowed."""


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


def load(file: Path) -> Configuration:
    """Read `file`; relative paths in it count from its own folder. Raises ConfigurationError."""
    try:
        values = yaml.safe_load(file.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read {file}: {error}") from error
    if not isinstance(values, dict):
        raise ConfigurationError(f"{file} is not a mapping")
    return Configuration(
        wos_url=_wos_url(values),
        svid=file.parent / _text(values, "svid"),
        key=file.parent / _text(values, "key"),
        trust_bundle=file.parent / _text(values, "trust_bundle"),
        state=file.parent / _text(values, "state"),
        capabilities=file.parent / _text(values, "capabilities"),
        poll_interval=_seconds(values, "poll_interval"),
        request_timeout=_seconds(values, "request_timeout"),
        max_backoff=_seconds(values, "max_backoff"),
    )


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{name} is {value!r}; expected a text")
    return value


def _seconds(values: dict[str, Any], name: str) -> float:
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise ConfigurationError(f"{name} is {value!r}; expected seconds above 0")
    return float(value)


def _wos_url(values: dict[str, Any]) -> str:
    url = _text(values, "wos_url")
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ConfigurationError(f"wos_url is {url!r}; expected https://host[:port] without a path")
    return url.rstrip("/")
