"""The document of one deployment: YAML in, components with their parameters out (`deployment.md`).

Scalars are read as YAML 1.2 does (core schema), so `on` and `2024-01-31` are texts. Aliases are refused, since a few
lines of them can stand for gigabytes, and so is everything else that JSON does not have.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from wos_reference.agent.desired_state import RefusalError

NODE_LIMIT = 100_000
DEPTH_LIMIT = 64
COMPONENT_NAME = re.compile(r"[a-z0-9-]+")
DEPLOYMENT_TYPES = ("helm", "compose", "custom")
TIMEOUT = re.compile(r"([0-9]{1,6})m([0-9]{1,6})s")


class DocumentError(Exception):
    """The bytes are no deployment that an agent reads; only this deployment fails because of it."""


@dataclass(frozen=True)
class Component:
    """One component as it shall run; `parameters` maps pointer to value, `timeout` is in seconds if there is one."""

    name: str
    repository: str
    revision: str
    parameters: dict[str, Any] = field(default_factory=dict)
    wait: bool = True
    timeout: float | None = None


@dataclass(frozen=True)
class Document:
    """What one deployment consists of; `components` in the order in which they are installed."""

    deployment_id: str
    name: str
    namespace: str
    device_id: str
    type: str
    components: tuple[Component, ...]
    constraints: Any = None


class CoreLoader(yaml.CSafeLoader):
    """PyYAML's safe loader with the scalars of the YAML 1.2 core schema in place of those of YAML 1.1."""


CoreLoader.yaml_implicit_resolvers = {}


def _core_float(loader: CoreLoader, node: yaml.ScalarNode) -> float:
    return float(node.value.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _core_int(loader: CoreLoader, node: yaml.ScalarNode) -> int:
    return int(node.value, 0) if node.value.startswith(("0x", "0o")) else int(node.value)


for _tag, _pattern, _first in (
    ("null", r"null|Null|NULL|~|", ["n", "N", "~", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
):
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first)
CoreLoader.add_constructor("tag:yaml.org,2002:float", _core_float)
CoreLoader.add_constructor("tag:yaml.org,2002:int", _core_int)


def _unique_mapping(loader: CoreLoader, node: yaml.MappingNode) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str) or key in mapping:
            raise DocumentError(f"the key {key!r:.100} is no text, or stands twice")
        mapping[key] = loader.construct_object(value_node, deep=True)
    return mapping


CoreLoader.add_constructor("tag:yaml.org,2002:map", _unique_mapping)


def read_document(body: bytes, deployment_id: str) -> Document:
    """Read the verified bytes of a document which must carry `deployment_id`.

    Raises DocumentError, and RefusalError when it is the document of another deployment.
    """
    content = _load(body)
    _require_id(content, deployment_id)
    try:
        return _document(content, deployment_id)
    except (KeyError, TypeError, AttributeError) as error:
        raise DocumentError(f"the document of {deployment_id} is not a deployment: {error!r}") from error


def _require_id(content: Any, deployment_id: str) -> None:
    found = content.get("id") if isinstance(content, dict) else None
    if isinstance(found, str) and found.lower() != deployment_id.lower():
        raise RefusalError("document-invalid", f"the document of {deployment_id} says it is {found!r:.100}")


def _load(body: bytes) -> Any:
    try:
        text = body.decode()
        _bound(text)
        return yaml.load(text, CoreLoader)  # noqa: S506 - a safe loader with the types of YAML 1.2
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentError(f"a document cannot be read: {error}") from error


def _bound(text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, CoreLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or count > NODE_LIMIT or depth > DEPTH_LIMIT:
            raise DocumentError("a document has an alias, or more YAML nodes or levels than an agent reads")
        if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) is not None:
            raise DocumentError("a document has a tag")


def _document(content: Any, deployment_id: str) -> Document:
    profile = content["spec"]["deploymentProfile"]
    parameters = content["spec"].get("parameters") or {}
    _text(content["id"])
    document = Document(
        deployment_id=deployment_id,
        name=_text(content["metadata"]["name"]),
        namespace=_text(content["metadata"]["namespace"]),
        device_id=_text(content["metadata"]["deviceId"]),
        type=_text(profile["type"]),
        components=tuple(_component(item, parameters) for item in profile["components"]),
        constraints=profile.get("deviceConstraints"),
    )
    names = [component.name for component in document.components]
    if document.type not in DEPLOYMENT_TYPES or not names or len(set(names)) != len(names):
        raise TypeError("a known type and components with names of their own are needed")
    return document


def _component(item: Any, parameters: dict[str, Any]) -> Component:
    name = _text(item["name"])
    if not COMPONENT_NAME.fullmatch(name):
        raise TypeError(f"{name!r:.100} is not the name of a component")
    properties = item["properties"]
    return Component(
        name,
        _text(properties["repository"]),
        _text(properties["revision"]),
        parameters_of(name, parameters),
        wait=properties.get("wait", True) is not False,
        timeout=_seconds(properties.get("timeout")),
    )


def _seconds(timeout: Any) -> float | None:
    if timeout is None:
        return None
    match = TIMEOUT.fullmatch(_text(timeout))
    if match is None:
        raise TypeError(f"{timeout!r:.100} is not a timeout such as 5m30s")
    return 60.0 * int(match[1]) + int(match[2])


def parameters_of(component: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The values that are meant for `component`, by pointer; of two at one place the later name counts."""
    return {
        _text(target["pointer"]): _plain(parameter["value"])
        for _, parameter in sorted(parameters.items())
        for target in parameter["targets"]
        if component in target["components"]
    }


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.100} is not a text")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, (str, bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise TypeError(f"{value!r:.100} is not a value of a parameter")
