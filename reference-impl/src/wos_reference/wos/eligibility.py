"""Where an application fits: capacity first, then rules; a pure function over two documents.

Values of properties are found by a JSON pointer (RFC 6901) below `properties`, those of labels by their whole key.
A value that is missing, or of a kind that an operator does not know, makes an expression false.
"""

import re
from collections.abc import Callable
from typing import Any

Json = Any

_UNITS = {unit: 1024**power for power, unit in enumerate(("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))}
_QUANTITY = re.compile(r"([0-9]+) ?([KMGTPE]i)")
_TYPES = ("helm", "compose")
_KINDS = {"capacityRequirements", "eligibilityRules"}
_SELECTORS = {"propertySelector", "labelSelector"}


def misfit(capabilities: dict[str, Json], profile: dict[str, Json]) -> str | None:
    """Why a device cannot take a profile of an application; None when it fits."""
    offered: dict[str, Json] = capabilities["properties"]
    constraints = profile.get("deviceConstraints", {})
    needed = constraints.get("capacityRequirements", {})
    rules = constraints.get("eligibilityRules", [])
    if not takes_type(capabilities, profile["type"]):
        return f"it does not take deployments of the type {profile['type']}"
    if unknown := set(constraints) - _KINDS:
        return f"it cannot be told whether it fulfils {sorted(unknown)}"
    if "cpu" in needed and not any(_cpu_fits(cpu, needed["cpu"]) for cpu in offered.get("cpus", [])):
        return "no processor of its has enough cores of a suitable architecture"
    for name in ("memory", "storage"):
        if name in needed and _bytes(offered.get(name, "0Ki")) < _bytes(needed[name]):
            return f"it has {offered.get(name, 'no')} {name}, {needed[name]} are needed"
    if rules and not any(_eligible(rule, capabilities) for rule in rules):
        return "it meets none of the eligibility rules"
    return None


def takes_type(capabilities: dict[str, Json], kind: str) -> bool:
    """Whether a device lists a deployment type; one that this version does not know counts as custom."""
    listed = capabilities["properties"].get("supportedDeploymentTypes", [])
    return kind in {other if other in _TYPES else "custom" for other in listed}


def _cpu_fits(cpu: dict[str, Json], needed: dict[str, Json]) -> bool:
    """Cores of several processors are not added up."""
    architectures = needed.get("architectures")
    return cpu["cores"] >= needed["cores"] and (not architectures or cpu.get("architecture") in architectures)


def _bytes(quantity: str) -> int:
    found = _QUANTITY.fullmatch(quantity)
    return int(found[1]) * _UNITS[found[2]] if found else 0


def _eligible(rule: dict[str, Json], capabilities: dict[str, Json]) -> bool:
    """Both selectors of a rule, where it has them; one that nobody knows does not hold."""
    properties, labels = capabilities["properties"], capabilities.get("labels", {})
    return (
        set(rule) <= _SELECTORS
        and _selected(rule.get("propertySelector"), lambda key: _at(properties, key))
        and _selected(rule.get("labelSelector"), labels.get)
    )


def _selected(selector: dict[str, Json] | None, value_of: Callable[[str], Json]) -> bool:
    """All expressions of a selector."""
    return selector is None or all(_holds(expression, value_of) for expression in selector["matchExpressions"])


def _at(document: Json, pointer: str) -> Json:
    """The value at a pointer, None when there is none."""
    root, *tokens = pointer.split("/")
    if root:
        return None
    for token in tokens:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and name.isascii() and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document


def _holds(expression: dict[str, Json], value_of: Callable[[str], Json]) -> bool:
    value, values = value_of(expression["key"]), expression.get("values", [])
    match expression["operator"]:
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "In":
            return _is_scalar(value) and any(_same(value, other) for other in values)
        case "NotIn":
            return _is_scalar(value) and not any(_same(value, other) for other in values)
        case "Gt":
            return _is_number(value) and len(values) == 1 and _is_number(values[0]) and value > values[0]
        case "Lt":
            return _is_number(value) and len(values) == 1 and _is_number(values[0]) and value < values[0]
        case "ContainsAll":
            return _contains(expression, value, all)
        case "ContainsAny":
            return _contains(expression, value, any)
    return False


def _contains(expression: dict[str, Json], value: Json, quantifier: Callable[[Any], bool]) -> bool:
    """Whether one element, by itself, meets all or any of the expressions about it."""
    if not isinstance(value, list):
        return False
    expressions = expression.get("itemSelector", {}).get("matchExpressions", [])
    return bool(expressions) and any(
        quantifier(_holds(inner, lambda key, item=item: _at(item, key)) for inner in expressions)  # type: ignore[misc]
        for item in value
        if isinstance(item, dict)
    )


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_scalar(value: Json) -> bool:
    return isinstance(value, str | int | float)


def _same(one: Json, other: Json) -> bool:
    """Equal, and of the same kind: true is not 1."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)
