"""Constraints of devices: every operator, both kinds of selectors, and what is unknown."""

import pytest

from wos_reference.agent.eligibility import is_eligible

DEVICE = {
    "properties": {
        "cpus": [{"cores": 2, "architecture": "amd64"}, {"cores": 0.5, "architecture": "arm"}],
        "memory": "2Gi",
        "storage": "59 Gi",
        "peripherals": [{"type": "gpu", "model": "x"}, {"type": "camera", "model": "y"}],
        "vendor": "Example",
    },
    "labels": {"line": 2, "hall": "north", "a/b": True},
}


def rule(key, operator, *values, selector="labelSelector", **more):
    expression = {"key": key, "operator": operator, **({"values": list(values)} if values else {}), **more}
    return {selector: {"matchExpressions": [expression]}}


def item(key, operator, *values):
    return {"key": key, "operator": operator, "values": list(values)}


HOLDS = {
    "in": rule("line", "In", 1, 2),
    "in-text": rule("hall", "In", "north"),
    "not-in": rule("hall", "NotIn", "south"),
    "exists": rule("a/b", "Exists"),
    "does-not-exist": rule("floor", "DoesNotExist"),
    "greater": rule("line", "Gt", 1.5),
    "less": rule("line", "Lt", 3),
    "pointer": rule("/vendor", "In", "Example", selector="propertySelector"),
    "pointer-into-a-list": rule("/cpus/0/cores", "Gt", 1, selector="propertySelector"),
    "contains-all": rule(
        *("/peripherals", "ContainsAll"),
        selector="propertySelector",
        itemSelector={"matchExpressions": [item("type", "In", "gpu"), item("model", "In", "x")]},
    ),
    "contains-any": rule(
        *("/peripherals", "ContainsAny"),
        selector="propertySelector",
        itemSelector={"matchExpressions": [item("type", "In", "gpu"), item("model", "In", "z")]},
    ),
}
FAILS = {
    "in": rule("line", "In", "2"),
    "true-is-not-one": rule("a/b", "In", 1),
    "not-in-missing": rule("floor", "NotIn", 1),
    "exists": rule("Line", "Exists"),
    "greater-text": rule("hall", "Gt", 1),
    "greater-two-numbers": rule("line", "Gt", 1, 1.5),
    "unknown-operator": rule("line", "Near", 2),
    "unknown-selector": {"moonSelector": {}, **rule("line", "In", 2)},
    "empty-selector": {"labelSelector": {}},
    "pointer-without-slash": rule("vendor", "In", "Example", selector="propertySelector"),
    "contains-all-over-two-items": rule(
        *("/peripherals", "ContainsAll"),
        selector="propertySelector",
        itemSelector={"matchExpressions": [item("type", "In", "gpu"), item("model", "In", "y")]},
    ),
}


@pytest.mark.parametrize("name", HOLDS)
def test_rule_holds(name):
    assert is_eligible({"eligibilityRules": [HOLDS[name]]}, DEVICE)


@pytest.mark.parametrize("name", FAILS)
def test_rule_does_not_hold(name):
    assert not is_eligible({"eligibilityRules": [FAILS[name]]}, DEVICE)


def test_one_of_several_rules_is_enough_and_none_asks_for_nothing():
    assert is_eligible({"eligibilityRules": [FAILS["in"], HOLDS["in"]]}, DEVICE)
    assert is_eligible({"eligibilityRules": []}, DEVICE)
    assert is_eligible(None, DEVICE)


@pytest.mark.parametrize(
    ("requirements", "fits"),
    [
        ({"cpu": {"cores": 2}}, True),
        ({"cpu": {"cores": 2.5}}, False),
        ({"cpu": {"cores": 1, "architectures": ["arm"]}}, False),
        ({"cpu": {"cores": 0.5, "architectures": ["arm", "other"]}}, True),
        ({"memory": "2048Mi", "storage": "59Gi"}, True),
        ({"memory": "2049Mi"}, False),
        ({"storage": "1Ti"}, False),
    ],
)
def test_capacity(requirements, fits):
    assert is_eligible({"capacityRequirements": requirements}, DEVICE) is fits
