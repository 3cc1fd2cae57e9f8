"""The guard of released versions: digests of what must not change any more, and the comparison with them.

Guarded are the ids, sentences, roles, origins and features of the rules, the OpenAPI documents, the schemas,
the problem types, and the names of the features.
Titles, descriptions and examples explain and may be corrected in a patch.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from wos_conformance.comparison.schema import ANNOTATIONS
from wos_conformance.specification import Specification, SpecificationError

RECORD = "released.yaml"
_HEADING = re.compile(r"^## (?P<version>\d+\.\d+)\.0 — (?P<date>\d{4}-\d{2}-\d{2})$", re.MULTILINE)
_HEADER = "# What is released and must not change (VERSIONING.md); written by `wos-conformance spec release`.\n"

Entry = dict[str, Any]


def read(spec: Path) -> dict[str, Entry]:
    """The entries of all released versions."""
    return yaml.safe_load((spec / RECORD).read_bytes()) or {}


def release(spec: Path, version: str) -> Entry:
    """Write the entry of a version and give it back.

    Raises:
        SpecificationError: it is released already, contradicts itself, or its CHANGELOG.md gives no date of release.
    """
    entries = read(spec)
    if version in entries:
        raise SpecificationError(f"version {version} was released on {entries[version]['released']}; it is frozen")
    folder = spec / f"v{version}"
    specification = Specification.read(folder)
    entries[version] = {"released": _date(folder / "CHANGELOG.md", version), **digests(specification)}
    text = yaml.safe_dump(entries, sort_keys=False, width=160)
    (spec / RECORD).write_text(_HEADER + text, "utf-8")
    return entries[version]


def digests(specification: Specification) -> dict[str, dict[str, str]]:
    """The digests of everything that is guarded, by kind and name."""
    return {
        "requirements": {
            name: _digest([rule.sentence, rule.role, rule.origin, rule.feature])
            for name, rule in specification.requirements.items()
        },
        "openapi": {name: _digest(_bare(document)) for name, document in specification.interfaces.items()},
        "schemas": {name: _digest(_bare(schema)) for name, schema in specification.schemas.items()},
        "registries": {
            "problem-types": _digest(specification.problem_types),
            "features": _digest(sorted(specification.features)),
        },
    }


def findings(specification: Specification, entry: Entry) -> list[str]:
    """What a released version has that it had not, or has no longer, one sentence each; empty when it is untouched."""
    current = digests(specification)
    return [sentence for kind in current for sentence in _findings(kind, entry[kind], current[kind])]


def _findings(kind: str, released: Mapping[str, str], current: Mapping[str, str]) -> Iterator[str]:
    what = {
        "requirements": "requirement",
        "openapi": "OpenAPI document",
        "schemas": "schema",
        "registries": "registry",
    }[kind]
    remedy = "put it back, and make the change in spec/draft"
    for name in [name for name in released if name not in current]:
        yield f"{what} {name} was released and is gone; {remedy}"
    for name in [name for name in current if name not in released]:
        yield f"{what} {name} has come after the release; {remedy}"
    for name in [name for name in released if name in current and released[name] != current[name]]:
        yield f"{what} {name} is not what was released; {remedy}"


def _date(changelog: Path, version: str) -> str:
    if changelog.is_file():
        for heading in _HEADING.finditer(changelog.read_text("utf-8")):
            if heading["version"] == version:
                return heading["date"]
    raise SpecificationError(
        f"{changelog} has no heading '## {version}.0 — YYYY-MM-DD'; write what the version brings first"
    )


def _bare(node: Any) -> Any:
    """A document without what only explains: texts under the names of annotations, lists of rules and examples."""
    if isinstance(node, list):
        return [_bare(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    return {key: _bare(inner) for key, inner in node.items() if key not in ANNOTATIONS or _is_member(key, inner)}


def _is_member(key: str, value: Any) -> bool:
    """Whether a member of a document only has the name of an annotation: its value is a schema, not a text."""
    return key not in {"$id", "examples", "default", "x-requirements"} and isinstance(value, dict | bool)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
