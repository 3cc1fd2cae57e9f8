"""Rules of connectivity, capabilities, status and boundary that need a story of their own."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from wos_reference.agent.document import Component, Document
from wos_reference.agent.report import error
from wos_reference.agent.runtime import WorkloadError


def puts(wos, device="press-7"):
    return [e for e in wos.exchanges if e.method == "PUT" and e.path == f"/api/v1/capabilities/{device}"]


def test_pause_grows_with_each_failed_poll(wos, agent):
    agent.configure(poll_interval=0.05, max_backoff=0.4)
    wos.script = lambda e: None if e.method == "PUT" else type(wos.served["/api/v1/deployments"])(500)
    agent.start()
    polls = [poll.at for poll in wos.wait(lambda wos: len(wos.polls()) > 6 and wos.polls())]
    for failures, (before, after) in enumerate(pairwise(polls), 1):
        assert after - before >= 0.5 * min(0.05 * 2 ** (failures - 1), 0.4)


def test_polls_are_never_closer_than_the_interval(wos, agent, make):
    hurry = {"Retry-After": "0", "Refresh": "0", "Cache-Control": "max-age=0"}
    agent.start()
    wos.wait_for_polls(1)
    wos.script = lambda e: make.Reply(304, headers=hurry) if e.path == "/api/v1/deployments" else None
    wos.wait_for_polls(5)
    assert min(after.at - before.at for before, after in pairwise(wos.polls())) >= 0.1


def test_no_request_begins_outside_the_windows(wos, agent, make):
    now = datetime.now(UTC)
    moments = [(now + timedelta(seconds=seconds)).strftime("%H:%M:%S") for seconds in (-60, 1, 4, 60)]
    agent.configure(poll_windows=[{"from": moments[0], "to": moments[1]}, {"from": moments[2], "to": moments[3]}])
    wos.script = lambda e: make.Reply(503) if e.method == "POST" else None
    wos.publish(2, make.document(1))
    began = time.monotonic()
    agent.start()
    wos.wait(lambda wos: [e for e in wos.exchanges if e.at > began + 4.1])
    offset = now.microsecond / 1e6  # the windows are whole seconds
    silent = [e for e in wos.exchanges if began + 1.1 - offset + 0.1 < e.at < began + 4 - offset - 0.1]
    assert len(wos.exchanges) > 2
    assert silent == []


@pytest.mark.parametrize("status", [429, 500, 503, 401, 403])
def test_announcement_is_repeated_until_it_is_taken_and_polls_go_on(wos, agent, make, status):
    wos.script = lambda e: make.Reply(status) if e.method == "PUT" and len(puts(wos)) < 4 else None
    agent.start()
    wos.wait(lambda wos: len(puts(wos)) == 4)
    wos.wait_for_polls(2)
    assert len(puts(wos)) == 4
    assert wos.exchanges[0].method == "PUT"


@pytest.mark.parametrize("status", [400, 413, 415, 422, 404])
def test_refused_announcement_waits_for_a_change(wos, agent, make, status):
    wos.script = lambda e: make.Reply(status) if e.method == "PUT" else None
    agent.start()
    wos.wait_for_polls(5)
    assert len(puts(wos)) == 1
    changed = make.CAPABILITIES | {"labels": {"hall": "south"}}
    (agent.folder / "capabilities.json").write_text(json.dumps(changed))
    wos.wait(lambda wos: len(puts(wos)) == 2)
    assert json.loads(puts(wos)[1].body) == changed


@pytest.mark.parametrize(("status", "count"), [(422, 1), (404, 1), (403, 3), (503, 3), (500, 3)])
def test_report_is_dropped_or_kept(wos, agent, make, status, count):
    wos.script = lambda e: make.Reply(status) if e.method == "POST" and len(wos.reports(1)) < 3 else None
    wos.publish(2, make.document(1))
    agent.start()
    wos.wait_for_state(1, "installed")
    assert wos.states(1).count("pending") == count


def test_500_that_is_not_retryable_drops_a_report(wos, agent, make):
    problem = json.dumps({"type": "about:blank", "retryable": False}).encode()
    wos.script = lambda e: make.Reply(500, problem) if e.method == "POST" and not wos.reports(1)[1:] else None
    wos.publish(2, make.document(1))
    agent.start()
    wos.wait_for_state(1, "installed")
    assert wos.states(1).count("pending") == 1


def test_same_refused_bytes_are_not_sent_again(wos, agent, make):
    wos.script = lambda e: make.Reply(422) if e.method == "POST" else None
    wos.publish(2, make.document(1))
    agent.start()
    wos.wait_for_state(1, "installed")
    (agent.state / "workloads" / make.deployment_id(1) / "mixer.json").unlink()
    wos.wait(lambda wos: agent.workloads())
    wos.wait_for_polls(4)
    assert len({e.body for e in wos.reports(1)}) == len(wos.reports(1))


def test_lower_version_is_answered_by_one_report_for_each_deployment(wos, agent, make):
    wos.publish(7, make.document(1), make.document(2))
    agent.start()
    wos.wait_for_state(1, "installed")
    wos.wait_for_state(2, "installed")
    wos.publish(6)
    for number in (1, 2):
        wos.wait_for_state(number, "installed", 2)
    wos.wait_for_polls(4)
    assert wos.states(1).count("installed") == 2
    assert {e.report["adoptedManifestVersion"] for e in wos.reports(1)} == {7}
    assert agent.workloads().keys() == {"1/mixer", "2/mixer"}


def test_manifest_whose_tag_is_of_other_bytes_is_refused(wos, agent, make):
    wos.publish(2, make.document(1))
    right = wos.served["/api/v1/deployments"].headers["ETag"]
    wos.served["/api/v1/deployments"].headers["ETag"] = f'"{make.digest(b"other")}"'
    agent.start()
    wos.wait_for_polls(4)
    assert agent.workloads() == {}
    wos.served["/api/v1/deployments"].headers["ETag"] = right
    wos.wait_for_state(1, "installed")


def test_deployment_that_cannot_be_had_fails_alone(wos, agent, make):
    lost = make.document(1, components=("a", "b"), repository=lambda component: "oci://registry.invalid/none")
    wos.publish(2, lost, make.document(2))
    agent.start()
    wos.wait_for_state(1, "failed")
    wos.wait_for_state(2, "installed")
    report = wos.reports(1)[-1].report
    assert report["status"]["error"]["code"] == "artifact-unavailable"
    assert [(c["name"], c["state"]) for c in report["components"]] == [("a", "failed"), ("b", "pending")]
    assert report["components"][0]["error"]["source"] == "a"
    begun = wos.reports(1)[1].report["components"]
    assert [component["state"] for component in begun] == ["installing", "pending"]


def test_value_of_a_parameter_is_in_no_error():
    secret = 'never "tell"\n'
    document = Document("i", "n", "s", "d", "compose", (Component("c", "r", "1.0.0", {"A": secret, "B": [12345]}),))
    failure = WorkloadError(f"cannot set {json.dumps(secret)} or {secret} or 12345")
    message = error("c", failure, document)["message"]
    assert "never" not in message
    assert "12345" not in message


def command(agent, word):
    arguments = [sys.executable, "-m", "wos_reference.agent", word, "--config", str(agent.folder / "agent.yaml")]
    return subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=20).stdout


def test_released_device_keeps_running_and_takes_any_version_of_the_next_wos(wos, agent, make):
    wos.script = lambda e: make.Reply(503) if e.method == "POST" else None
    wos.publish(7, make.document(1))
    agent.start()
    wos.wait_for_state(1, "pending")
    assert json.loads(command(agent, "status"))["adoptedManifestVersion"] == 7
    agent.stop()
    before = agent.workloads()
    command(agent, "release")
    assert agent.workloads() == before
    wos.exchanges.clear()
    wos.script = lambda e: make.Reply(503) if e.method == "GET" else None
    agent.start()
    wos.wait_for_polls(3)
    assert agent.workloads() == before
    assert {poll.headers.get("if-none-match") for poll in wos.polls()} == {None}
    wos.script = lambda e: None
    wos.publish(1, make.document(2))
    wos.wait_for_state(2, "installed")
    wos.wait(lambda wos: agent.workloads().keys() == {"2/mixer"})
    assert wos.reports(1) == []


def test_line_of_reports_is_bounded_while_nobody_listens(wos, agent, make):
    wos.script = lambda e: make.Reply(503) if e.method == "POST" else None
    agent.configure(poll_interval=0.02)
    wos.publish(2, make.document(1))
    agent.start()
    for version in range(3, 23):
        wos.publish(version, make.document(1, f"1.0.{version}"))
        wos.wait(lambda wos, v=version: agent.workloads().get("1/mixer", {}).get("revision") == f"1.0.{v}")
    assert json.loads(command(agent, "status"))["reportsInLine"] <= 20
    wos.script = lambda e: None
    wos.wait_for_state(1, "installed")
    report = wos.reports(1)[-1].report
    assert report["adoptedManifestVersion"] == 22
