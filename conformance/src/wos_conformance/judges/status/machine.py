"""The states of a deployment as the specification draws them (state-machine.yaml)."""

from functools import lru_cache
from typing import Any

import yaml

from wos_conformance.specification import Specification


@lru_cache(maxsize=1)
def _machine() -> dict[str, Any]:
    machine: dict[str, Any] = yaml.safe_load((Specification.load().folder / "state-machine.yaml").read_bytes())
    return machine


def severity() -> list[str]:
    """All states, the most severe first."""
    return list(_machine()["severity"])


def followers(state: str, *, newer: bool) -> set[str]:
    """The states that may follow one, or `nothing`; whether a failed deployment is wanted anew is another rule."""
    machine = _machine()
    more = machine["when-newer"].get(state, []) if newer else []
    return {*machine["moves"][state], *machine["when-wanted"].get(state, []), *more}
