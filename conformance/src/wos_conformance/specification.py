"""The specification as data: sentences from the chapters, rows from the index, schemas, problem types."""

import hashlib
import json
import re
from dataclasses import replace
from difflib import get_close_matches
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Self, TypeVar

import jsonschema
import jsonschema_rs
import yaml
from referencing import Registry, Resource

from wos_conformance.requirement import KEYWORD, Requirement, Role

LINE = re.compile(r"^> \*\*(?P<id>[a-z0-9-]+\.[a-z0-9.-]+)\*\* (?P<sentence>.+)$", re.MULTILINE)
S = TypeVar("S", bound="Specification")
_ROW = {"role", "origin", "source", "feature", "needs", "schema", "contested", "untestable"}


class SpecificationError(Exception):
    """The specification contradicts itself, or does not have what was asked for."""


class Specification:
    """One version of the specification, read once."""

    def __init__(self, folder: Path, version: str) -> None:
        self.folder = folder
        self.version = version
        self.requirements = _requirements(folder)

    @classmethod
    def load(cls, version: str = "1.0") -> Self:
        """The version that this package ships.

        Raises:
            SpecificationError: there is no such version.
        """
        return _load(cls, version)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The version in a folder, read anew.

        Raises:
            SpecificationError: the folder holds no version, or one that contradicts itself.
        """
        if not (folder / "requirements.yaml").is_file():
            raise SpecificationError(f"{folder} holds no version of the specification; requirements.yaml is missing")
        return cls(folder, folder.name.removeprefix("v"))

    def requirement(self, name: str) -> Requirement:
        """The requirement of this id.

        Raises:
            SpecificationError: there is none; the text names the nearest ids.
        """
        if name in self.requirements:
            return self.requirements[name]
        near = get_close_matches(name, self.requirements, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "`wos-conformance list` names all"
        raise SpecificationError(f"unknown requirement {name!r}; {hint}")

    def role(self, role: Role) -> list[Requirement]:
        """All requirements that bind a role, in the order of the chapters."""
        return [requirement for requirement in self.requirements.values() if requirement.role == role]

    @cached_property
    def features(self) -> dict[str, Any]:
        """The optional features by name."""
        return _yaml(self.folder / "features.yaml") or {}

    @cached_property
    def interfaces(self) -> dict[str, dict[str, Any]]:
        """The OpenAPI documents by name."""
        paths = sorted((self.folder / "openapi").glob("*.yaml"))
        return {path.stem: _yaml(path) for path in paths}

    @cached_property
    def schemas(self) -> dict[str, dict[str, Any]]:
        """The JSON Schemas by name."""
        paths = sorted((self.folder / "schemas").glob("*.schema.json"))
        return {path.name.removesuffix(".schema.json"): json.loads(path.read_bytes()) for path in paths}

    @lru_cache  # noqa: B019 - a specification lives as long as the process
    def _validator(self, name: str) -> jsonschema_rs.Draft202012Validator:
        registry = jsonschema_rs.Registry([(s["$id"], s) for s in self.schemas.values()])
        return jsonschema_rs.Draft202012Validator(self.schemas[name], registry=registry)

    def is_valid(self, name: str, instance: Any) -> bool:
        """Whether a JSON value is valid against the schema of this name."""
        return bool(self._validator(name).is_valid(instance))

    def errors(self, name: str, instance: Any) -> list[str]:
        """What is wrong with a JSON value, one sentence each, with JSON pointers; empty when it is valid."""
        if self.is_valid(name, instance):
            return []
        registry: Registry[Any] = Registry().with_resources(
            (schema["$id"], Resource.from_contents(schema)) for schema in self.schemas.values()
        )
        validator = jsonschema.Draft202012Validator(self.schemas[name], registry=registry)
        found = sorted(validator.iter_errors(instance), key=lambda error: list(map(str, error.absolute_path)))
        return [f"/{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in found] or ["is not valid"]

    @cached_property
    def problem_types(self) -> dict[str, int]:
        """The registered problem types: URI to HTTP status."""
        registry = _yaml(self.folder / "problem-types.yaml")
        return {f"{registry['base']}#{name}": entry["status"] for name, entry in registry["types"].items()}

    @cached_property
    def blank_statuses(self) -> frozenset[int]:
        """The HTTP statuses that go with `about:blank`."""
        return frozenset(_yaml(self.folder / "problem-types.yaml")["about-blank"])

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the names and bytes of all files of the version."""
        total = hashlib.sha256()
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            total.update(str(path.relative_to(self.folder)).encode() + b"\0")
            total.update(hashlib.sha256(path.read_bytes()).digest())
        return f"sha256:{total.hexdigest()}"


_LOADED: dict[str, Any] = {}


def _load(kind: type[S], version: str) -> S:
    if version not in _LOADED:
        _LOADED[version] = kind(_folder(version), version)
    loaded: S = _LOADED[version]
    return loaded


def _yaml(path: Path) -> Any:
    """What a file of the specification says; the loader of libyaml reads it in a tenth of the time."""
    return yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)


def _folder(version: str) -> Path:
    here = Path(__file__).resolve()
    for parent in here.parents:
        if (parent / "spec" / f"v{version}" / "requirements.yaml").exists():
            return parent / "spec" / f"v{version}"
    raise SpecificationError(f"there is no specification of version {version!r} in this installation")


def _requirements(folder: Path) -> dict[str, Requirement]:
    rows = _yaml(folder / "requirements.yaml")
    order = list(dict.fromkeys(name.partition(".")[0] for name in rows))
    found: dict[str, Requirement] = {}
    for area in order:
        chapter = f"{area}.md"
        text = (folder / chapter).read_text("utf-8")
        for line in LINE.finditer(text):
            name = line["id"]
            if name in found:
                raise SpecificationError(f"{name} stands twice in the chapters; an id is used once")
            if name not in rows:
                raise SpecificationError(f"{name} stands in {chapter} and not in requirements.yaml; add its row")
            rule = _requirement(name, line["sentence"], chapter, rows[name])
            found[name] = replace(rule, line=text.count("\n", 0, line.start()) + 1)
    if missing := [name for name in rows if name not in found]:
        raise SpecificationError(f"{missing[0]} stands in requirements.yaml and in no chapter; add its sentence")
    return found


def _requirement(name: str, sentence: str, chapter: str, row: dict[str, Any]) -> Requirement:
    keywords = KEYWORD.findall(sentence)
    if len(keywords) != 1:
        raise SpecificationError(f"{name} in {chapter} has {len(keywords)} key words; a rule has exactly one")
    if unknown := set(row) - _ROW:
        raise SpecificationError(f"{name} in requirements.yaml has unknown members: {', '.join(sorted(unknown))}")
    if row.get("role") not in ("wos", "agent"):
        raise SpecificationError(f"{name} in requirements.yaml has role {row.get('role')!r}; allowed: wos, agent")
    members: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return Requirement(
        id=name,
        sentence=sentence,
        keyword=keywords[0],
        chapter=chapter,
        **members,
    )
