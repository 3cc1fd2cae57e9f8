"""The test control of the agent, over its listener, with a real agent below it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from wos_reference.agent.configuration import load


class Control:
    """A supervisor process and a caller that has its token."""

    def __init__(self, folder, sources):
        (folder / "token").write_text("secret\n")
        self.folder = folder
        self.ready = folder / "ready.json"
        command = [sys.executable, "-m", "wos_reference.agent", "test-control", "--listen", "127.0.0.1:0"]
        command += ["--token-file", str(folder / "token"), "--folder", str(folder / "dir")]
        command += ["--ready-file", str(self.ready)]
        with (folder / "control.log").open("wb") as log:
            environment = os.environ | {"PYTHONPATH": str(sources)}
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        wait_until(self.ready.exists)
        self.client = httpx.Client(base_url=json.loads(self.ready.read_text())["url"], trust_env=False)

    def ask(self, verb, token="secret", **content):
        headers = {"authorization": f"Bearer {token}"}
        return self.client.post(f"/control/v1/{verb}", json=content, headers=headers)

    def workloads(self, state="one"):
        return self.ask("workloads", state=state).json()["workloads"]

    def agents(self):
        """The agents that run below the supervisor."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]


def wait_until(condition, patience=8.0):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def control(tmp_path, make):
    control = Control(tmp_path, make.SOURCES)
    yield control
    control.client.close()
    control.process.terminate()
    assert control.process.wait(10) == 0


@pytest.fixture
def start(wos, trust_domain, make):
    """The body of `start`."""
    credential = trust_domain.issue(make.AGENT_ID)
    return {
        "wosUrl": wos.url,
        "svidPem": credential.certificate_pem.decode(),
        "keyPem": credential.key_pem.decode(),
        "trustBundlePem": trust_domain.root.certificate_pem.decode(),
        "state": "one",
        "pollIntervalSeconds": 0.1,
        "requestTimeoutSeconds": 1,
        "maxBackoffSeconds": 0.3,
        "capabilities": make.CAPABILITIES,
    }


def test_agent_is_started_cut_started_again_and_wiped(control, start, wos, make):
    wos.publish(2, make.document(1))
    assert control.ask("start", **start).status_code == 200
    wos.wait_for_state(1, "installed")
    assert json.loads(wos.exchanges[0].body) == make.CAPABILITIES
    expected = {
        "deploymentId": make.deployment_id(1),
        "component": "mixer",
        "type": "compose",
        "repository": "oci://r.example/m",
        "revision": "1.0.0",
        "parameters": {"SPEED": 12},
    }
    assert control.workloads() == [expected]
    assert control.ask("start", **start).status_code == 409
    assert control.ask("wipe", state="one").status_code == 409
    assert control.ask("cut").status_code == 200
    assert control.agents() == []
    assert control.workloads() == [expected]
    assert control.ask("start", **start).status_code == 200
    tag = wos.served["/api/v1/deployments"].headers["ETag"]
    wos.wait_for_polls(2)
    assert wos.polls()[-1].headers["if-none-match"] == tag
    assert control.ask("stop").status_code == 200
    assert control.ask("wipe", state="one").status_code == 200
    assert control.workloads() == []


def test_states_have_storage_of_their_own(control, start, wos, make):
    wos.publish(2, make.document(1))
    control.ask("start", **start)
    wos.wait_for_state(1, "installed")
    control.ask("stop")
    assert control.workloads("two") == []
    control.ask("start", **start | {"state": "two"})
    wos.wait_for_state(1, "installed", 2)
    assert control.workloads("two") == control.workloads("one")


def test_request_is_carried_out_once_for_its_id(control, start, wos):
    for _ in range(3):
        assert control.ask("start", **start, requestId="a").status_code == 200
    assert len(control.agents()) == 1
    assert control.ask("stop", requestId="a").status_code == 409


@pytest.mark.parametrize(
    ("verb", "changes", "status"),
    [
        ("start", {"token": "wrong"}, 401),
        ("start", {"state": "../up"}, 400),
        ("start", {"state": 1}, 400),
        ("start", {"pollIntervalSeconds": 0}, 400),
        ("start", {"pollIntervalSeconds": "1"}, 400),
        ("start", {"wosUrl": "http://127.0.0.1"}, 400),
        ("start", {"keyPem": None}, 400),
        ("start", {"capabilities": []}, 400),
        ("admit", {}, 501),
        ("workloads", {"state": ""}, 400),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_request_is_wrong(control, start, verb, changes, status):
    answer = control.ask(verb, **start | changes)
    assert answer.status_code == status
    assert isinstance(answer.json()["error"], str)
    assert control.agents() == []


def test_body_is_not_json(control):
    headers = {"authorization": "Bearer secret"}
    assert control.client.post("/control/v1/stop", content=b"{", headers=headers).status_code == 400


def test_key_can_be_read_by_its_owner_only(control, start):
    control.ask("start", **start)
    assert (control.folder / "dir/configuration/one/key.pem").stat().st_mode & 0o777 == 0o600


def test_agent_ends_with_its_supervisor(tmp_path, make, start):
    control = Control(tmp_path, make.SOURCES)
    control.ask("start", **start)
    (agent,) = control.agents()
    control.process.send_signal(signal.SIGKILL)
    control.process.wait()
    control.client.close()
    wait_until(lambda: is_gone(agent))


def test_optional_verbs(control, start, wos, make):
    wos.publish(7, make.document(1))
    control.ask("start", **start)
    wos.wait_for_state(1, "installed")
    lost = {"state": "one", "deploymentId": make.deployment_id(1), "component": "mixer"}
    assert control.ask("delete_workload", **lost | {"component": "pump"}).status_code == 409
    assert control.ask("delete_workload", **lost).status_code == 200
    wos.wait_for_state(1, "installed", 2)
    changed = make.CAPABILITIES | {"labels": {"hall": "south"}}
    assert control.ask("set_capabilities", capabilities=changed).status_code == 200
    wos.wait(lambda wos: [e for e in wos.exchanges if e.method == "PUT" and json.loads(e.body) == changed])
    before = control.workloads()
    assert control.ask("release", state="one").status_code == 200
    assert control.agents() == []
    assert control.workloads() == before
    assert control.ask("set_capabilities", capabilities=changed).status_code == 409
    wos.publish(1)
    assert control.ask("time_scale", factor=0.5).status_code == 400
    assert control.ask("time_scale", factor=100).status_code == 200
    times = {"pollIntervalSeconds": 10, "requestTimeoutSeconds": 100, "maxBackoffSeconds": 30}
    control.ask("start", **start | times)
    wos.wait(lambda wos: not control.workloads())


def test_gateway_and_windows_are_handed_on(control, start, wos, make):
    child = {"properties": make.CAPABILITIES["properties"] | {"id": "press-7/a"}}
    wos.publish(2, make.document(1, device="press-7/a"))
    windows = [{"from": "00:00:00", "to": "00:00:00"}]
    assert control.ask("start", **start, children=[child], pollWindows=windows).status_code == 200
    wos.wait_for_state(1, "installed")
    assert control.workloads()[0]["deviceId"] == "press-7/a"
    control.ask("set_capabilities", capabilities=make.CAPABILITIES, children=[])
    wos.wait(lambda wos: [e for e in wos.exchanges if e.method == "DELETE"])


def test_anchors_of_registries_are_handed_on(control, start, trust_domain):
    anchors = trust_domain.root.certificate_pem.decode()
    assert control.ask("start", **start, registryAnchorsPem=anchors).status_code == 200
    configuration = load(control.folder / "dir" / "configuration" / "one" / "agent.yaml", {})
    assert configuration.engines.registry_anchors.read_text() == anchors
