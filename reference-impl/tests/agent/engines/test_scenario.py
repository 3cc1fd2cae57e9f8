"""The life of an application of two components, the same on every runtime."""

import itertools
import time

import pytest

PATIENCE = 60


@pytest.fixture
def publish(wos, device, make):
    """Publish one deployment of the components `mixer` and `pump`."""
    version = 1

    def publish(revision, *, components=("mixer", "pump"), speed=12, timeout="1m0s", repository=device.repository):
        nonlocal version
        version += 1
        body = make.document(
            1,
            revision,
            components,
            speed,
            kind=device.type,
            pointer=device.pointer,
            repository=repository,
            properties={"timeout": timeout},
        )
        wos.publish(version, body)

    return publish


@pytest.fixture
def offered(device):
    for component in ("mixer", "pump"):
        device.offer(component, "1.0.0")
        device.offer(component, "1.1.0")


@pytest.fixture
def application(wos, agent, device, publish, offered):
    """An agent that runs revision 1.0.0 of both components; nothing is left of it after the test."""
    publish("1.0.0")
    agent.start()
    wait_for(wos, "installed")
    yield agent
    agent.cut()
    agent.start()
    withdraw(wos)
    wait_for(wos, "removed")
    assert device.leftovers() == []


def withdraw(wos):
    wos.script = lambda exchange: None
    wos.publish(1000)


def told(wos):
    """The states that were reported, without repetitions after an answer that got lost."""
    return [state for state, _ in itertools.groupby(wos.states(1))]


def wait_for(wos, state, count=1):
    wos.wait(lambda wos: wos.states(1).count(state) >= count, PATIENCE)


def test_install_update_reconfigure_remove(wos, application, device, publish):
    assert device.runs() == {"mixer": ("1.0.0", "12"), "pump": ("1.0.0", "0")}
    publish("1.1.0")
    wait_for(wos, "installed", 2)
    assert device.runs() == {"mixer": ("1.1.0", "12"), "pump": ("1.1.0", "0")}
    publish("1.1.0", speed="13 $HOME")
    wait_for(wos, "installed", 3)
    assert device.runs()["mixer"] == ("1.1.0", "13 $HOME")
    publish("1.1.0", components=("pump",))
    wait_for(wos, "installed", 4)
    assert device.runs().keys() == {"pump"}
    assert "failed" not in wos.states(1)


def test_what_was_deleted_by_hand_runs_again(wos, application, device):
    device.delete("mixer")
    wait_for(wos, "installed", 2)
    assert device.runs() == {"mixer": ("1.0.0", "12"), "pump": ("1.0.0", "0")}
    assert told(wos)[2:] == ["installed", "installing", "installed"]


def test_workloads_run_on_without_the_agent_and_are_known_to_the_next(wos, application, device):
    before = device.runs()
    application.stop()
    assert device.runs() == before
    application.start()
    wos.wait_for_polls(4)
    assert device.runs() == before
    assert told(wos) == ["pending", "installing", "installed"]


def test_agent_that_dies_while_it_updates_goes_on(wos, application, device, publish):
    publish("1.1.0")
    wait_for(wos, "installing", 2)
    application.cut()
    application.start()
    wait_for(wos, "installed", 2)
    assert device.runs() == {"mixer": ("1.1.0", "12"), "pump": ("1.1.0", "0")}
    assert "failed" not in wos.states(1)


def test_workloads_of_others_are_untouched(wos, agent, device, publish, offered):
    device_is_ready = device.start_foreign
    publish("1.0.0")
    agent.start()
    wait_for(wos, "installed")
    is_untouched = device_is_ready()
    withdraw(wos)
    wait_for(wos, "removed")
    assert is_untouched()


def test_failed_installation_stays_failed_and_nothing_is_rolled_back(wos, application, device, publish):
    device.offer("mixer", "6.6.6", works=False)
    publish("6.6.6", components=("mixer",), timeout="0m3s")
    wait_for(wos, "failed")
    wos.wait_for_polls(5)
    assert wos.states(1)[-1] == "failed"
    assert device.runs().get("mixer", ("6.6.6",))[0] == "6.6.6"
    device.offer("mixer", "1.2.0")
    device.offer("pump", "1.2.0")
    publish("1.2.0")
    wait_for(wos, "installed", 2)
    assert device.runs()["mixer"][0] == "1.2.0"


def test_component_that_cannot_be_retrieved_changes_nothing(wos, application, device, publish):
    publish("9.9.9", components=("mixer",), timeout="0m2s", repository=lambda component: "oci://registry.invalid/mixer")
    wait_for(wos, "failed")
    wos.wait_for_polls(3)
    assert device.runs()["mixer"] == ("1.0.0", "12")
    error = wos.reports(1)[-1].report["components"][0]["error"]
    assert (error["code"], error["source"]) == ("artifact-unavailable", "mixer")
    publish("1.1.0")
    wait_for(wos, "installed", 2)
    assert device.runs() == {"mixer": ("1.1.0", "12"), "pump": ("1.1.0", "0")}


def test_component_that_reaches_beyond_its_place_is_refused(wos, application, device, publish):
    if device.offer_greedy("mixer", "7.7.7"):
        publish("7.7.7", components=("mixer",))
        wait_for(wos, "failed")
        assert device.runs()["mixer"] == ("1.0.0", "12")


def test_polls_go_on_while_the_runtime_works(wos, application, device, publish):
    device.offer("mixer", "6.6.6", works=False)
    publish("6.6.6", components=("mixer",), timeout="0m3s")
    wait_for(wos, "failed")
    polls = [poll.at for poll in wos.polls()]
    assert max(after - before for before, after in itertools.pairwise(polls)) < 1
    assert time.monotonic() - polls[-1] < 1
