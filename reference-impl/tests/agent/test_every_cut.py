"""A power cut at every write and every outgoing call of an update: the next start brings everything to the same end.

The agent runs in this process, on a WOS that is a function; a cut is an exception that nobody catches.
"""

import itertools
import json
import shutil
import sqlite3
import time
from pathlib import Path
from queue import SimpleQueue

import httpx
import pytest
import yaml

from wos_reference.agent.agent import Agent
from wos_reference.agent.configuration import load
from wos_reference.agent.ledger import Ledger
from wos_reference.agent.runtime import folder as folder_runtime
from wos_reference.agent.runtime.folder import FolderRuntime
from wos_reference.agent.transport import Answer
from wos_reference.agent.workshop import carry_out

STEPS = 400
MACHINE = yaml.safe_load((Path(__file__).parents[3] / "spec" / "v1.0" / "state-machine.yaml").read_text())


class PowerCut(BaseException):
    """The power is gone."""


class Knife:
    """Cuts at the n-th place that it is held to; 0 never cuts."""

    def __init__(self, at=0):
        self.at = at
        self.count = 0
        self.is_dead = False

    def __call__(self, *_):
        if self.is_dead:
            raise PowerCut
        self.count += 1
        if self.count == self.at:
            self.is_dead = True
            raise PowerCut


class CutDatabase:
    """A connection that can be cut before each statement which writes, and after each commit."""

    def __init__(self, connection, knife):
        self._connection = connection
        self._knife = knife

    def execute(self, statement, *rest):
        if not statement.startswith(("SELECT", "PRAGMA")):
            self._knife()
        result = self._connection.execute(statement, *rest)
        if statement == "COMMIT":
            self._knife()
        return result

    def executemany(self, *arguments):
        self._knife()
        return self._connection.executemany(*arguments)

    def close(self):
        self._connection.close()


class InlineWorkshop:
    """Does everything at once, in the thread of the loop."""

    def is_busy(self, name):
        return False

    def begin(self, name, work):
        result, error = None, None
        try:
            while True:
                result, error = carry_out(work.throw(error) if error else work.send(result))
        except StopIteration:
            pass

    def advance(self, patience=0.0):
        pass


class FunctionalWos:
    """Serves one manifest and remembers what it was told."""

    def __init__(self, make, folder):
        self.scripted = make.ScriptedWos.__new__(make.ScriptedWos)
        self.scripted.served = {}
        self.reports = {}
        self.tags = []
        self.make = make
        self.knife = Knife()

    def renew(self):
        pass

    def exchange(self, method, path, headers=None, body=None, deadline=None):
        self.knife()
        answer = self._answer(method, path, headers or {}, body)
        self.knife()
        return answer

    def _answer(self, method, path, headers, body):
        if method == "POST":
            self.reports.setdefault(path.split("/")[4], []).append(json.loads(body))
        if method != "GET":
            return Answer(200, httpx.Headers(), b"")
        reply = self.scripted.served.get(path, self.make.Reply(404))
        if path.endswith("/deployments"):
            self.tags.append(headers.get("if-none-match"))
            if headers.get("if-none-match") == reply.headers["ETag"]:
                return Answer(304, httpx.Headers(), b"")
        return Answer(reply.status, httpx.Headers(reply.headers), reply.body)


class World:
    """A device with its storage, and the WOS."""

    def __init__(self, make, folder):
        self.folder = folder
        self.wos = FunctionalWos(make, folder)
        self.make = make

    def boot(self, knife):
        self.wos.knife = knife
        configuration = load(self.folder / "agent.yaml", {})
        ledger = Ledger(configuration.state)
        ledger._database = CutDatabase(ledger._database, knife)
        self.ledger = ledger
        runtime = FolderRuntime(configuration.state / "workloads")
        return Agent(configuration, ledger, runtime, self.wos, SimpleQueue(), InlineWorkshop())

    def run(self, knife=None):
        """Run until there is nothing left to do; whether the power was cut."""
        agent = None
        try:
            agent = self.boot(knife or Knife())
            for _ in range(STEPS):
                agent.step()
                if self.is_settled():
                    return False
                time.sleep(0.0002)
            raise AssertionError("it never settles")
        except PowerCut:
            return True
        finally:
            self.ledger.close()

    def is_settled(self):
        tag = self.wos.scripted.served["/api/v1/deployments"].headers["ETag"]
        states = {deployment.state for deployment in self.ledger.deployments()}
        return self.ledger.adopted_tag() == tag and states <= {"installed"} and not self.ledger.first_reports()

    def desired(self):
        """What the ledger wants: id -> digest; half a manifest would show here."""
        database = sqlite3.connect(self.folder / "state" / "ledger.sqlite")
        try:
            return dict(database.execute("SELECT id, digest FROM deployment WHERE wanted = 1"))
        finally:
            database.close()

    def workloads(self):
        files = (self.folder / "state" / "workloads").glob("*/*.json")
        return {
            f"{int(file.parent.name[-12:])}/{file.stem}": json.loads(file.read_text())["revision"] for file in files
        }


@pytest.fixture
def cut_files(monkeypatch):
    """Lets a knife cut before each write of the runtime; its writes become visible one by one."""
    knife = [Knife()]

    def held(owner, name):
        original = getattr(owner, name)

        def cutting(*arguments, **options):
            knife[0]()
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, cutting)

    held(folder_runtime.os, "fsync")
    held(folder_runtime.shutil, "rmtree")
    held(folder_runtime, "write_workload")
    held(folder_runtime, "clear_others")
    held(Path, "replace")
    return lambda new: knife.__setitem__(0, new)


def prepare(make, folder):
    """A device that runs deployments 1, 2 and 3 of version 2."""
    folder.mkdir()
    (folder / "capabilities.json").write_text(json.dumps(make.CAPABILITIES))
    settings = {"poll_interval": 0.0001, "request_timeout": 1, "max_backoff": 0.001, "wos_url": "https://wos.example"}
    settings |= {name: name for name in ("svid", "key", "trust_bundle")}
    (folder / "agent.yaml").write_text(json.dumps(settings | {"state": "state", "capabilities": "capabilities.json"}))
    world = World(make, folder)
    publish_old(world)
    assert not world.run()
    return world


def publish_old(world):
    documents = [world.make.document(1, components=("mixer", "pump")), world.make.document(2), world.make.document(3)]
    world.wos.scripted.publish(2, *documents)


def publish_new(world):
    """1 has another revision and one component less, 2 is as before, 3 is gone, 4 is new."""
    documents = [world.make.document(1, "2.0.0"), world.make.document(2), world.make.document(4)]
    world.wos.scripted.publish(3, *documents)


def assert_table_kept(reports):
    last, version = "nothing", 0
    for report, _ in itertools.groupby(reports):
        state = report["status"]["state"]
        free = MACHINE["moves"][last]
        newer = MACHINE["when-newer"].get(last, []) if report["adoptedManifestVersion"] > version else []
        wanted = MACHINE["when-wanted"].get(last, [])
        assert state in [*free, *newer, *wanted], f"{last} -> {state}"
        last, version = state, report["adoptedManifestVersion"]


def test_update_is_cut_at_every_point(make, tmp_path, cut_files):
    template = prepare(make, tmp_path / "template")
    before, runs_before = template.desired(), template.workloads()
    points = 0
    for at in itertools.count(1):
        folder = tmp_path / "cut"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(template.folder, folder)
        world = World(make, folder)
        publish_new(world)
        knife = Knife(at)
        cut_files(knife)
        was_cut = world.run(knife)
        cut_files(Knife())
        if was_cut:
            points += 1
            assert world.desired() in (before, expected_desire(world)), f"half a manifest at cut {at}"
            tags = list(world.wos.tags)
            if world.desired() == before:
                assert world.workloads() == runs_before, f"changed before it was adopted, at cut {at}"
            assert not world.run(), f"cut {at}"
            adopted = world.wos.scripted.served["/api/v1/deployments"].headers["ETag"]
            assert adopted not in tags or set(world.wos.tags[len(tags) :]) == {adopted}, f"forgotten at cut {at}"
        assert_end(world, at)
        if not was_cut:
            break
    assert points > 100, points


def expected_desire(world):
    manifest = json.loads(world.wos.scripted.served["/api/v1/deployments"].body)
    return {entry["deploymentId"]: entry["digest"] for entry in manifest["deployments"]}


def assert_end(world, at):
    name = world.make.deployment_id
    assert world.workloads() == {"1/mixer": "2.0.0", "2/mixer": "1.0.0", "4/mixer": "1.0.0"}, f"cut {at}"
    final = {number: world.wos.reports.get(name(number), [{}])[-1] for number in (1, 3, 4)}
    assert {n: report["status"]["state"] for n, report in final.items()} == {
        1: "installed",
        3: "removed",
        4: "installed",
    }
    assert final[1]["adoptedManifestVersion"] == final[4]["adoptedManifestVersion"] == 3
    assert final[3]["adoptedManifestVersion"] == 2
    assert {r["status"]["state"] for r in world.wos.reports.get(name(2), [])} <= {"installing", "installed"}
    for number in (3, 4):
        assert_table_kept([*installed_before(world, number), *world.wos.reports[name(number)]])
    assert_table_kept([*installed_before(world, 1), *world.wos.reports[name(1)]])


def installed_before(world, number):
    """The reports that deployments of version 2 have sent before the update."""
    states = ("installing", "installed") if number != 4 else ()
    return [{"status": {"state": state}, "adoptedManifestVersion": 2} for state in states]
