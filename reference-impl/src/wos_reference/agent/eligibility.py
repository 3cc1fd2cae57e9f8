"""Whether a device fulfils the constraints of a deployment (`deployment.md`); what is unknown does not hold."""

import re
from typing import Any

QUANTITY = re.compile(r"([0-9]+) ?([KMGTPE])i")
MISSING = object()


def is_eligible(constraints: Any, capabilities: dict[str, Any]) -> bool:
    """Whether a device with `capabilities` has the capacity and one of the rules, if there are any, holds."""
    if not isinstance(constraints, dict):
        return constraints is None
    properties = capabilities.get("properties") or {}
    rules = constraints.get("eligibilityRules") or []
    return has_capacity(constraints.get("capacityRequirements") or {}, properties) and (
        not rules or any(_rule_holds(rule, capabilities) for rule in rules)
    )


def has_capacity(requirements: dict[str, Any], properties: dict[str, Any]) -> bool:
    """Whether one processor has the cores, and memory and storage suffice."""
    cpu = requirements.get("cpu")
    if cpu and not any(_processor_suffices(cpu, offer) for offer in properties.get("cpus") or []):
        return False
    return all(
        bytes_of(properties.get(name)) >= bytes_of(requirements[name])
        for name in ("memory", "storage")
        if name in requirements
    )


def _processor_suffices(cpu: dict[str, Any], offer: dict[str, Any]) -> bool:
    architectures = cpu.get("architectures")
    return offer["cores"] >= cpu.get("cores", 0) and (not architectures or offer["architecture"] in architectures)


def bytes_of(quantity: Any) -> int:
    """A quantity such as `2Gi` in bytes; 0 for none."""
    match = QUANTITY.fullmatch(quantity) if isinstance(quantity, str) else None
    return int(match[1]) * 1024 ** ("KMGTPE".index(match[2]) + 1) if match else 0


def _rule_holds(rule: Any, capabilities: dict[str, Any]) -> bool:
    selectors = {"propertySelector": _by_pointer, "labelSelector": _by_name}
    roots = {"propertySelector": capabilities.get("properties"), "labelSelector": capabilities.get("labels")}
    return (
        isinstance(rule, dict)
        and bool(rule)
        and rule.keys() <= selectors.keys()
        and all(
            all(_holds(expression, selectors[name](roots[name], expression)) for expression in _expressions(selector))
            for name, selector in rule.items()
        )
    )


def _expressions(selector: Any) -> list[dict[str, Any]]:
    known = isinstance(selector, dict) and selector.keys() == {"matchExpressions"} and selector["matchExpressions"]
    expressions = selector["matchExpressions"] if known else [{}]  # what is unknown is an expression that cannot hold
    return [expression if isinstance(expression, dict) else {} for expression in expressions]


def _by_name(labels: Any, expression: dict[str, Any]) -> Any:
    return labels.get(expression.get("key"), MISSING) if isinstance(labels, dict) else MISSING


def _by_pointer(root: Any, expression: dict[str, Any]) -> Any:
    pointer = expression.get("key")
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        return MISSING
    value = root
    for token in pointer[1:].split("/"):
        step = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return MISSING
    return value


def _holds(expression: dict[str, Any], value: Any) -> bool:
    operator, values = expression.get("operator"), expression.get("values") or []
    if operator in ("Exists", "DoesNotExist"):
        return (value is MISSING) is (operator == "DoesNotExist")
    if operator in ("In", "NotIn"):
        return _is_scalar(value) and any(_is_same(value, other) for other in values) is (operator == "In")
    if operator in ("Gt", "Lt"):
        return (
            len(values) == 1
            and _is_number(value)
            and _is_number(values[0])
            and (value > values[0] if operator == "Gt" else value < values[0])
        )
    if operator in ("ContainsAll", "ContainsAny"):
        return _contains(value, expression.get("itemSelector"), all if operator == "ContainsAll" else any)
    return False


def _contains(items: Any, selector: Any, quantifier: Any) -> bool:
    if not isinstance(items, list):
        return False
    return any(
        isinstance(item, dict) and quantifier(_holds(e, _item_value(item, e)) for e in _expressions(selector))
        for item in items
    )


def _item_value(item: dict[str, Any], expression: dict[str, Any]) -> Any:
    key = expression.get("key")
    return _by_pointer(item, expression) if isinstance(key, str) and key.startswith("/") else _by_name(item, expression)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, bool, int, float))


def _is_same(left: Any, right: Any) -> bool:
    if _is_number(left) and _is_number(right):
        return bool(left == right)
    return type(left) is type(right) and bool(left == right)
