"""The agent dies without warning at chosen points; after the next start everything is as if it had not."""

import itertools
import signal

import pytest

DIE = (
    "import os, signal\nimport wos_reference.agent.{module} as module\n"
    "def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)\n"
)
BEFORE = DIE + "module.{name} = die"
AFTER = DIE + "kept = module.{name}\n" + "def dying(*a, **k):\n    kept(*a, **k)\n    die()\nmodule.{name} = dying"
LEGAL = {
    None: {"pending", "installing"},
    "pending": {"installing", "failed", "removing"},
    "installing": {"installed", "failed", "removing", "pending"},
    "installed": {"installing", "failed", "removing", "pending"},
    "failed": {"pending", "installing", "removing"},
    "removing": {"removed", "failed"},
    "removed": {"pending", "installing"},
}

POINTS = {
    "after-adoption": AFTER.format(module="adoption", name="adopt"),
    "before-installation": BEFORE.format(module="runtime.folder", name="FolderRuntime.install"),
    "within-installation": BEFORE.format(module="runtime.folder", name="os.replace"),
    "after-installation": AFTER.format(module="runtime.folder", name="FolderRuntime.install"),
    "after-a-report-is-queued": AFTER.format(module="ledger", name="Ledger.queue_report"),
    "before-a-report-is-sent": AFTER.format(module="ledger", name="Ledger.attempt_report"),
    "before-a-report-is-settled": BEFORE.format(module="ledger", name="Ledger.settle_report"),
}


def assert_legal_order(reports):
    last = None
    for body, _ in itertools.groupby(report.body for report in reports):
        report = next(report.report for report in reports if report.body == body)
        state = report["status"]["state"]
        assert state in LEGAL[last], f"{last} -> {state}"
        last = state


@pytest.mark.parametrize("point", POINTS)
def test_agent_dies_with_a_first_deployment(wos, agent, make, point):
    wos.publish(2, make.document(1, components=("mixer", "pump")), make.document(2))
    agent.start(POINTS[point])
    agent.process.wait(make.PATIENCE)
    assert agent.process.returncode == -signal.SIGKILL
    downloads = [e.path for e in wos.exchanges if e.method == "GET" and "sha256:" in e.path]
    agent.start()
    wos.wait_for_state(1, "installed")
    wos.wait_for_state(2, "installed")
    assert agent.workloads().keys() == {"1/mixer", "1/pump", "2/mixer"}
    assert [e.path for e in wos.exchanges if e.method == "GET" and "sha256:" in e.path] == downloads
    for number in (1, 2):
        assert_legal_order(wos.reports(number))


@pytest.mark.parametrize(
    "point",
    [
        BEFORE.format(module="runtime.folder", name="FolderRuntime.remove"),
        AFTER.format(module="runtime.folder", name="FolderRuntime.remove"),
        AFTER.format(module="ledger", name="Ledger.forget_deployment"),
    ],
    ids=["before-removal", "after-removal", "before-it-is-forgotten"],
)
def test_agent_dies_while_it_removes(wos, agent, make, point):
    wos.publish(2, make.document(1))
    agent.start(point)
    wos.wait_for_state(1, "installed")
    wos.publish(3)
    agent.process.wait(make.PATIENCE)
    agent.start()
    wos.wait_for_state(1, "removed")
    assert agent.workloads() == {}
    assert_legal_order(wos.reports(1))


def test_version_is_remembered_and_workloads_run_without_the_wos(wos, agent, make):
    wos.publish(7, make.document(1))
    agent.start()
    wos.wait_for_state(1, "installed")
    agent.cut()
    (agent.state / "workloads" / make.deployment_id(1) / "mixer.json").unlink()
    wos.script = lambda e: None if e.method == "POST" else make.Reply(503, headers={"Retry-After": "0"})
    agent.start()
    wos.wait_for_state(1, "installing", 2)
    wos.wait(lambda wos: agent.workloads().keys() == {"1/mixer"})
    wos.script = lambda exchange: None
    wos.publish(6)
    wos.wait(lambda wos: wos.polls()[-1].headers.get("if-none-match"))
    wos.wait_for_polls(3)
    assert agent.workloads().keys() == {"1/mixer"}
    assert "security" in agent.log()


def test_retry_after_is_kept_across_a_power_cut(wos, agent, make):
    wos.script = lambda exchange: make.Reply(503, headers={"Retry-After": "2"}) if exchange.method == "PUT" else None
    agent.start()
    puts = lambda: [exchange for exchange in wos.exchanges if exchange.method == "PUT"]  # noqa: E731
    told = wos.wait(lambda wos: puts())[0].at
    agent.wait_for_log("status 503")
    agent.cut()
    wos.script = lambda exchange: None
    agent.start()
    again = wos.wait(lambda wos: len(puts()) > 1 and puts()[1])
    assert again.at - told >= 2
