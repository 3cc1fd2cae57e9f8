"""A gateway speaks for the devices behind it: whom it announces, where deployments go, what it reports."""

import json

import pytest


def child(make, name, **labels):
    properties = make.CAPABILITIES["properties"] | {"id": f"press-7/{name}"}
    return {"properties": properties, "labels": labels}


@pytest.fixture
def gateway(agent, make):
    (agent.folder / "children.json").write_text(json.dumps([child(make, "a"), child(make, "line/b", floor=2)]))
    agent.configure(children="children.json")
    return agent


def calls(wos, method):
    return [e.path.removeprefix("/api/v1/capabilities/") for e in wos.exchanges if e.method == method]


def failure(wos, number):
    return wos.reports(number)[-1].report["status"]["error"]


def test_gateway_is_announced_first_and_a_child_that_leaves_is_withdrawn(wos, gateway, make):
    gateway.start()
    wos.wait(lambda wos: len(calls(wos, "PUT")) == 3)
    assert calls(wos, "PUT") == ["press-7", "press-7/a", "press-7/line/b"]
    gateway.cut()
    (gateway.folder / "children.json").write_text(json.dumps([child(make, "a")]))
    gateway.start()
    wos.wait(lambda wos: calls(wos, "DELETE"))
    wos.wait_for_polls(3)
    assert calls(wos, "DELETE") == ["press-7/line/b"]


def test_gateway_that_the_wos_has_lost_is_announced_again(wos, gateway, make):
    problem = {"type": "https://docs.margo.org/specification/problem-types#gateway-not-found"}
    lost = make.Reply(404, json.dumps(problem).encode())
    wos.script = lambda e: lost if calls(wos, "PUT").count("press-7") == 1 and e.path.endswith("/a") else None
    gateway.start()
    wos.wait(lambda wos: len(calls(wos, "PUT")) == 5)
    assert calls(wos, "PUT") == ["press-7", "press-7/a", "press-7", "press-7/a", "press-7/line/b"]


def test_deployments_go_to_the_device_that_they_name(wos, gateway, make):
    rule = {"labelSelector": {"matchExpressions": [{"key": "floor", "operator": "Gt", "values": [1]}]}}
    nowhere = {"capacityRequirements": {"memory": "900Gi"}}
    wos.publish(
        2,
        make.document(1, device="press-7/a"),
        make.document(2, device="press-7/*", constraints={"eligibilityRules": [rule]}),
        make.document(3, device="press-7/c"),
        make.document(4, device="press-7/*", constraints=nowhere),
        make.document(5, device="press-8/a"),
        make.document(6),
    )
    gateway.start()
    for number in (1, 2, 6):
        wos.wait_for_state(number, "installed")
    for number in (3, 4, 5):
        wos.wait_for_state(number, "failed")
    devices = {number: {e.report.get("deviceId") for e in wos.reports(number)} for number in (1, 2, 6)}
    assert devices == {1: {"press-7/a"}, 2: {"press-7/line/b"}, 6: {None}}
    assert (failure(wos, 3)["code"], failure(wos, 3)["source"]) == ("101", "press-7")
    assert failure(wos, 4)["code"] == "103"
    assert failure(wos, 5)["code"] == "document-invalid"
    assert gateway.workloads().keys() == {"1/mixer", "2/mixer", "6/mixer"}
