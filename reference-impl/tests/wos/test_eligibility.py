"""Which device takes which application: pure functions over two documents."""

from typing import Any

import pytest

from wos_reference.wos.eligibility import misfit

DEVICE: dict[str, Any] = {
    "properties": {
        "id": "press-7",
        "vendor": "Example",
        "modelNumber": "E1",
        "serialNumber": "7",
        "cpus": [{"cores": 2, "architecture": "amd64"}, {"cores": 4, "architecture": "arm64"}],
        "memory": "59 Gi",
        "storage": "1Ti",
        "otelCollector": True,
        "interfaces": [{"type": "ethernet"}, {"type": "canbus"}],
        "peripherals": [{"type": "gpu", "manufacturer": "A"}, {"type": "camera", "manufacturer": "B"}],
        "supportedDeploymentTypes": ["compose", "wasm"],
    },
    "labels": {"site/line": "north", "slots": 3, "hot": True, "zones": ["a", "b"]},
}


def fits(profile: dict[str, Any]) -> bool:
    """Whether the device takes it."""
    return misfit(DEVICE, {"type": "compose", **profile}) is None


def needs(**capacity: Any) -> dict[str, Any]:
    """A profile with these needs."""
    return {"deviceConstraints": {"capacityRequirements": capacity}}


def rules(*rules: dict[str, Any]) -> dict[str, Any]:
    """A profile with these rules."""
    return {"deviceConstraints": {"eligibilityRules": list(rules)}}


def select(kind: str, key: str, operator: str, *values: Any, **more: Any) -> dict[str, Any]:
    """A rule with one selector of one expression."""
    expression = {"key": key, "operator": operator, **({"values": list(values)} if values else {}), **more}
    return {f"{kind}Selector": {"matchExpressions": [expression]}}


def items(operator: str, *pairs: tuple[str, str]) -> dict[str, Any]:
    """A rule about peripherals."""
    inner = [{"key": key, "operator": "In", "values": [value]} for key, value in pairs]
    return select("property", "/peripherals", operator, itemSelector={"matchExpressions": inner})


@pytest.mark.parametrize(
    ("capacity", "expected"),
    [
        ({"cpu": {"cores": 4}}, True),
        ({"cpu": {"cores": 4, "architectures": ["arm64", "amd64"]}}, True),
        ({"cpu": {"cores": 4, "architectures": ["amd64"]}}, False),
        ({"cpu": {"cores": 5}}, False),
        ({"memory": "59Gi"}, True),
        ({"memory": "60417Mi"}, False),
        ({"storage": "1024Gi"}, True),
        ({"storage": "1025Gi"}, False),
    ],
    ids=["cores", "one-of", "other-architecture", "not-added-up", "just-enough", "a-little-more", "units", "too-much"],
)
def test_capacity(capacity: dict[str, Any], expected: bool) -> None:
    """Each term by itself."""
    assert fits(needs(**capacity)) is expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (select("property", "/vendor", "In", "Example", "Other"), True),
        (select("property", "/vendor", "In", "example"), False),
        (select("property", "/vendor", "NotIn", "Other"), True),
        (select("property", "/unknown", "NotIn", "Other"), False),
        (select("property", "/unknown", "DoesNotExist"), True),
        (select("property", "/otelCollector", "Exists"), True),
        (select("property", "/otelCollector", "In", 1), False),
        (select("property", "/cpus/1/cores", "Gt", 3), True),
        (select("property", "/cpus/1/cores", "Gt", 3, 4), False),
        (select("property", "/memory", "Gt", 3), False),
        (select("property", "/peripherals", "In", "gpu"), False),
        (select("label", "site/line", "In", "north"), True),
        (select("label", "/site~1line", "In", "north"), False),
        (select("label", "slots", "Lt", 4), True),
        (select("label", "slots", "In", "3"), False),
        (select("label", "hot", "Gt", 0), False),
        (items("ContainsAll", ("/type", "gpu"), ("/manufacturer", "A")), True),
        (items("ContainsAll", ("/type", "gpu"), ("/manufacturer", "B")), False),
        (items("ContainsAny", ("/type", "gpu"), ("/manufacturer", "C")), True),
        (items("ContainsAny", ("/type", "display"), ("/manufacturer", "C")), False),
    ],
)
def test_rule(rule: dict[str, Any], expected: bool) -> None:
    """One expression."""
    assert fits(rules(rule)) is expected


def test_one_rule_is_enough_and_both_of_its_selectors_must_hold() -> None:
    """Rules are alternatives, selectors of a rule are not."""
    right, wrong = select("property", "/vendor", "Exists"), select("label", "slots", "DoesNotExist")
    assert fits(rules(wrong, right))
    assert not fits(rules(right | wrong))
    assert not fits(rules(wrong))


@pytest.mark.parametrize(("kind", "expected"), [("compose", True), ("custom", True), ("helm", False)])
def test_deployment_type(kind: str, expected: bool) -> None:
    """A type that nobody knows counts as custom."""
    assert fits({"type": kind}) is expected


def test_device_that_says_nothing_fits_nothing() -> None:
    """Nobody knows what it could run."""
    assert "type helm" in (misfit({"properties": {"id": "x"}}, {"type": "helm"}) or "")
    bare = {"properties": {"id": "x", "supportedDeploymentTypes": ["helm"]}}
    assert misfit(bare, {"type": "helm"}) is None
    assert "memory" in (misfit(bare, {"type": "helm", **needs(memory="1Ki")}) or "")


@pytest.mark.parametrize(
    "constraints",
    [
        {"quantumRequirements": {}},
        {"eligibilityRules": [{"moonSelector": {"matchExpressions": [{"key": "phase", "operator": "Exists"}]}}]},
        {"eligibilityRules": [select("label", "slots", "Resembles", 3)]},
        {"eligibilityRules": [select("property", "vendor", "Exists")]},
    ],
    ids=["kind", "selector", "operator", "pointer-without-slash"],
)
def test_what_nobody_knows_does_not_hold(constraints: dict[str, Any]) -> None:
    """A device that cannot tell does not fit."""
    assert not fits({"deviceConstraints": constraints})
