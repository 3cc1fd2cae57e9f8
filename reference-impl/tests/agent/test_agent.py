"""The agent on its ordinary way: announce, poll, adopt, run, report, update, remove, repair."""

import time


def test_first_deployment_is_run_and_reported_fast(wos, agent, make):
    agent.start()
    wos.wait_for_polls(2)
    began = time.monotonic()
    wos.publish(2, make.document(1))
    wos.wait_for_state(1, "installed")
    assert time.monotonic() - began < 0.5
    assert wos.states(1) == ["pending", "installing", "installed"]
    assert agent.workloads()["1/mixer"]["parameters"] == {"SPEED": 12}
    report = wos.reports(1)[-1].report
    assert report["adoptedManifestVersion"] == 2
    assert report["components"] == [{"name": "mixer", "state": "installed"}]


def test_capabilities_come_before_the_first_poll_after_each_start(wos, agent, make):
    for _ in range(2):
        wos.exchanges.clear()
        agent.start()
        wos.wait(lambda wos: wos.polls())
        agent.stop()
        first = wos.exchanges[0]
        assert (first.method, first.path) == ("PUT", "/api/v1/capabilities/press-7")
        assert first.body == (agent.folder / "capabilities.json").read_bytes()


def test_poll_carries_type_and_tag_of_what_was_adopted(wos, agent):
    agent.start()
    wos.wait(lambda wos: len(wos.polls()) >= 3)
    tags = [poll.headers.get("if-none-match") for poll in wos.polls()]
    assert tags[0] is None
    assert set(tags[1:]) == {wos.served["/api/v1/deployments"].headers["ETag"]}
    assert wos.polls()[0].headers["accept"] == "application/vnd.margo.manifest.v1+json"


def test_update_and_removal(wos, agent, make):
    agent.start()
    wos.publish(2, make.document(1), make.document(2))
    wos.wait_for_state(2, "installed")
    wos.publish(3, make.document(1, "2.0.0", ("mixer", "pump")), make.document(2))
    wos.wait_for_state(1, "installed", 2)
    assert agent.workloads().keys() == {"1/mixer", "1/pump", "2/mixer"}
    assert wos.states(1)[3:] == ["pending", "installing", "installed"]
    wos.publish(4, make.document(2))
    wos.wait_for_state(1, "removed")
    assert agent.workloads().keys() == {"2/mixer"}
    assert [e.report["adoptedManifestVersion"] for e in wos.reports(1)[-2:]] == [3, 3]
    assert wos.states(2) == ["pending", "installing", "installed"]


def test_bundle_for_many_documents_for_few(wos, agent, make):
    agent.start()
    wos.publish(2, make.document(1), make.document(2), make.document(3))
    wos.wait_for_state(3, "installed")
    wos.publish(3, make.document(1), make.document(2), make.document(3, "1.1.0"))
    wos.wait_for_state(3, "installed", 2)
    paths = [e.path for e in wos.exchanges if e.method == "GET" and "sha256:" in e.path]
    assert ["bundles" in path for path in paths] == [True, False]


def test_missing_workload_is_laid_out_again(wos, agent, make):
    agent.start()
    wos.publish(2, make.document(1))
    wos.wait_for_state(1, "installed")
    (agent.state / "workloads" / make.deployment_id(1) / "mixer.json").unlink()
    wos.wait_for_state(1, "installed", 2)
    assert agent.workloads().keys() == {"1/mixer"}
    assert wos.states(1)[2:] == ["installed", "installing", "installed"]


def test_parameter_that_changes_its_type_only_is_laid_out(wos, agent, make):
    agent.start()
    wos.publish(2, make.document(1, value=1))
    wos.wait_for_state(1, "installed")
    wos.publish(3, make.document(1, value=True))
    wos.wait_for_state(1, "installed", 2)
    assert agent.workloads()["1/mixer"]["parameters"]["SPEED"] is True


def test_versions_are_exact_up_to_the_greatest(wos, agent, make):
    agent.start()
    for number, version in enumerate((2**53, 2**53 + 1, 2**63, 2**64 - 1), 1):
        wos.publish(version, make.document(number))
        wos.wait_for_state(number, "installed")
        assert wos.reports(number)[-1].report["adoptedManifestVersion"] == version


def test_failed_installation_stays_failed_until_it_is_wanted_anew(wos, agent, make):
    blocked = agent.state / "workloads" / make.deployment_id(1)
    blocked.parent.mkdir(parents=True)
    blocked.write_text("in the way")
    agent.start()
    wos.publish(2, make.document(1))
    wos.wait_for_state(1, "failed")
    failure = wos.reports(1)[-1].report
    assert failure["status"]["error"]["source"] == "mixer"
    blocked.unlink()
    wos.publish(3, make.document(1), make.document(2))
    wos.wait_for_state(2, "installed")
    wos.wait_for_polls(3)
    assert wos.states(1) == ["pending", "installing", "failed"]
    assert agent.workloads().keys() == {"2/mixer"}
    wos.publish(4, make.document(1, "1.0.1"))
    wos.wait_for_state(1, "installed")


def test_failed_installation_is_tried_again_after_a_start(wos, agent, make):
    blocked = agent.state / "workloads" / make.deployment_id(1)
    blocked.parent.mkdir(parents=True)
    blocked.write_text("in the way")
    agent.start()
    wos.publish(2, make.document(1))
    wos.wait_for_state(1, "failed")
    blocked.unlink()
    agent.cut()
    agent.start()
    wos.wait_for_state(1, "installed")


def test_stop_is_quick_even_while_a_request_hangs(wos, agent):
    agent.configure(request_timeout=30)
    wos.script = lambda exchange: time.sleep(3) if exchange.method == "PUT" else None
    agent.start()
    wos.wait(lambda wos: wos.exchanges)
    assert agent.stop() < 1
