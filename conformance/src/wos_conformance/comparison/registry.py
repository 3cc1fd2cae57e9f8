"""Differences between two registries: what has come, what has gone, what stands for something else."""

from collections.abc import Iterator, Mapping
from typing import Any

from wos_conformance.comparison.change import Change, Part


def compare(part: Part, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """An entry may come in a minor version; one that goes or changes its meaning leaves somebody alone with it."""
    for name in [name for name in old if name not in new]:
        yield Change(part, name, "removed", "major", was=str(old[name]))
    for name in [name for name in new if name not in old]:
        yield Change(part, name, "added", "minor", now=str(new[name]))
    for name in [name for name in new if name in old and old[name] != new[name]]:
        yield Change(
            part, name, "changed", "patch" if part == "feature" else "major", "", str(old[name]), str(new[name])
        )
