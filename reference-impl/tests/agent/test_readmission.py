"""A client that was refused and is served again tells anew what its devices offer: it may have been retired."""

import json

import pytest

CAPABILITIES = "/api/v1/capabilities/press-7"


def announcements(wos):
    return [exchange for exchange in wos.exchanges if exchange.method == "PUT"]


def refuse(wos, make, status, part=""):
    wos.script = lambda exchange: make.Reply(status) if part in exchange.path else None


@pytest.mark.parametrize("status", [401, 403])
def test_agent_that_was_refused_announces_again(wos, agent, make, status):
    agent.start()
    wos.wait_for_polls(2)
    assert len(announcements(wos)) == 1
    refuse(wos, make, status)
    wos.wait_for_polls(2)
    wos.script = lambda exchange: None
    wos.wait(lambda wos: len(announcements(wos)) == 2)
    wos.wait_for_polls(3)
    assert len(announcements(wos)) == 2


def test_every_device_is_announced_again(wos, agent, make):
    child = {"properties": {**make.CAPABILITIES["properties"], "id": "press-7/arm"}}
    (agent.folder / "children.json").write_text(json.dumps([child]))
    agent.configure(children="children.json")
    agent.start()
    wos.wait(lambda wos: len(announcements(wos)) == 2)
    refuse(wos, make, 403)
    wos.wait_for_polls(2)
    wos.script = lambda exchange: None
    wos.wait(lambda wos: len(announcements(wos)) == 4)
    assert [exchange.path for exchange in announcements(wos)[2:]] == [CAPABILITIES, f"{CAPABILITIES}/arm"]


@pytest.mark.parametrize("status", [404, 429, 503])
def test_other_failures_do_not_make_it_announce_again(wos, agent, make, status):
    agent.start()
    wos.wait_for_polls(2)
    refuse(wos, make, status, "/deployments")
    wos.wait_for_polls(2)
    wos.script = lambda exchange: None
    wos.wait_for_polls(4)
    assert len(announcements(wos)) == 1


def test_what_was_refused_for_good_is_not_told_again(wos, agent, make):
    refuse(wos, make, 422, "/capabilities/")
    agent.start()
    wos.wait_for_polls(2)
    refuse(wos, make, 403, "/deployments")
    wos.wait_for_polls(2)
    wos.script = lambda exchange: None
    wos.wait_for_polls(4)
    assert len(announcements(wos)) == 1
