"""The suite's own agent meets the suite's own WOS, and the reference meets both: each side finds the other clean."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from mutants import Role
from mutated import RUN, judged_reference
from told import begun
from wos_conformance.drive import defect, sample
from wos_conformance.drive.client import Answer, Visitor
from wos_conformance.drive.double import Double
from wos_conformance.drive.publication import document
from wos_conformance.drive.trust_domain import TrustDomain
from wos_conformance.history import Control, Deadline, History, Publication, Recorder
from wos_conformance.judges import judge_history
from wos_conformance.suite.agent.wanted import Wanted
from wos_conformance.suite.wos.client import Client, Manifest

DOMAIN = TrustDomain.create("plant.example", "main")
DEVICE = "press-7"
DECLARED = {"poll_interval": 0.0, "request_timeout": 5.0, "max_backoff": 1.0, "apply_time": 5.0}
RANDOM = Random(5)
LEAST = {"wos": 40, "agent": 20}
"""So many rules must have had an occasion, or a clean history says little."""


class Agent:
    """The suite's client, put to the use of an agent: it verifies what it is given, and runs that in its memory."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._tag: str | None = None
        self.running: dict[str, dict[str, Any]] = {}

    def announce(self) -> None:
        """Say what the device is."""
        self._client.announce(sample.capabilities(RANDOM, DEVICE))

    def poll(self) -> None:
        """Ask for the manifest, and adopt another one than before."""
        answer = self._client.visitor.poll(self._tag)
        if answer.status == 200:
            self._adopt(answer)

    def _adopt(self, answer: Answer) -> None:
        manifest = msgspec.json.decode(answer.body, type=Manifest)
        wanted = {entry.deployment_id: entry.digest for entry in manifest.deployments}
        bodies = {name: self._retrieved(name, digest) for name, digest in wanted.items()}
        for name in sorted(self.running.keys() - wanted.keys()):
            self._say(name, self.running.pop(name), manifest.version - 1, "removing", "removed")
        for name, body in bodies.items():
            if self.running.get(name) != body:
                self._say(name, body, manifest.version, "installing", "installed")
            self.running[name] = body
        self._tag = answer.header("etag")

    def _retrieved(self, name: str, digest: str) -> dict[str, Any]:
        body = self._client.document(name, digest).body
        assert digest == f"sha256:{hashlib.sha256(body).hexdigest()}"
        value: dict[str, Any] = json.loads(body)
        return value

    def _say(self, name: str, body: dict[str, Any], version: int, *states: str) -> None:
        parts = [part["name"] for part in body["spec"]["deploymentProfile"]["components"]]
        for state in states:
            self._client.report(sample.status(name, version, parts, state))

    def workloads(self) -> list[dict[str, Any]]:
        """What runs, as the test control shows it."""
        return [
            {
                "deploymentId": name,
                "component": part["name"],
                "type": "compose",
                **part["properties"],
                "parameters": {
                    target["pointer"]: parameter["value"]
                    for parameter in body["spec"]["parameters"].values()
                    for target in parameter["targets"]
                },
            }
            for name, body in self.running.items()
            for part in body["spec"]["deploymentProfile"]["components"]
        ]


class Meeting:
    """The double of a WOS and the double of an agent; each side writes down what it sees."""

    def __init__(self, seen_by_wos: Recorder, seen_by_agent: Recorder, double: Double, agent: Agent, name: str) -> None:
        self.seen_by_wos = seen_by_wos
        self.seen_by_agent = seen_by_agent
        self.agent = agent
        self._double = double
        self._name = name
        self._version = 0

    def control(self, recorder: Recorder, verb: str, response: Any = None, **request: Any) -> Control:
        """What somebody does by hand is written down as a verb of the test control."""
        now = recorder.now()
        facts: dict[str, Any] = {"started": now, "ended": now, "outcome": "done", "response": response or {}}
        return recorder.record(Control, verb=verb, request=request, **facts)

    def publish(self, *wanted: Wanted) -> Publication:
        """Serve this from now on."""
        self._version += 1
        documents = {one.deployment_id: self._document(one) for one in wanted}
        return self._double.publish(self._name, defect.offer(self._version, documents), None, "")

    def _document(self, wanted: Wanted) -> bytes:
        return document(wanted.deployment_id, DEVICE, wanted.application, wanted.values)

    def assign(self, wanted: Wanted, verb: str = "assign") -> None:
        """The operator of the WOS wants this."""
        facts = {"application": wanted.application, "profileId": "compose", "parameters": wanted.values}
        facts |= {"spiffeId": self._name, "deviceId": DEVICE, "deploymentId": wanted.deployment_id}
        self.control(self.seen_by_agent, verb, {"deploymentId": wanted.deployment_id}, **facts)

    def adopt(self, *wanted: Wanted) -> None:
        """Publish this and let the agent adopt it; then look at what runs."""
        publication = self.publish(*wanted)
        self.agent.poll()
        for what in ("adopted", "installed-reported", "removed-reported"):
            self.seen_by_wos.record(Deadline, what=what, bound=5.0, subject=publication.seq, met=True)
        self.control(self.seen_by_wos, "workloads", {"workloads": self.agent.workloads()}, state="memory")
        self.agent.poll()


@pytest.fixture
def meeting(tmp_path: Path) -> Iterator[Meeting]:
    """Both doubles on loopback."""
    svid = DOMAIN.agent("one")
    with ExitStack() as stack:
        seen_by_wos = stack.enter_context(begun(tmp_path / "wos", role="agent", declared=DECLARED))
        seen_by_agent = stack.enter_context(begun(tmp_path / "agent", role="wos"))
        double = Double(seen_by_wos, DOMAIN)
        stack.callback(double.close)
        visitor = Visitor(seen_by_agent, double.url, svid, DOMAIN.bundle_pem, 5.0)
        stack.callback(visitor.close)
        met = Meeting(seen_by_wos, seen_by_agent, double, Agent(Client(visitor, DEVICE)), svid.spiffe_id or "")
        met.control(seen_by_wos, "start", state="memory", svidPem=svid.chain_pem.decode())
        met.control(seen_by_agent, "admit", spiffeId=svid.spiffe_id)
        yield met


def assert_clean(history: History) -> None:
    """No judge finds anything broken, and many have found something to judge."""
    found = judge_history(history)
    assert not found.stumbled
    assert [judgement for judgement in found.judgements if not judgement.kept] == []
    assert len({judgement.requirement for judgement in found.judgements}) >= LEAST[history.header.role]


def test_double_and_double_find_each_other_clean(meeting: Meeting) -> None:
    """A deployment comes, changes and goes, and another one stays."""
    one, other = Wanted.new(RANDOM, components=2), Wanted.new(RANDOM)
    changed = one.changed(RANDOM)
    meeting.publish()
    meeting.agent.announce()
    meeting.agent.poll()
    meeting.agent.poll()
    for wanted in (one, other):
        meeting.assign(wanted)
    meeting.adopt(one, other)
    meeting.assign(changed, "update")
    meeting.adopt(changed, other)
    meeting.control(meeting.seen_by_agent, "withdraw", deploymentId=one.deployment_id)
    meeting.adopt(other)
    assert_clean(meeting.seen_by_agent.history())
    assert_clean(meeting.seen_by_wos.history())


@pytest.mark.parametrize(
    ("role", "rules"),
    [
        pytest.param("wos", ("desired-state.change-published", "status.first-201"), id="agent-of-suite"),
        pytest.param("agent", ("desired-state.converges", "status.removed-reported"), id="wos-of-suite"),
    ],
)
def test_double_finds_the_reference_clean(
    role: Role, rules: tuple[str, ...], credentials: Path, tmp_path: Path
) -> None:
    """Nothing is broken in what was seen of it, by whatever rule."""
    options = [word for rule in rules for word in ("--only", rule)]
    done = judged_reference(role, credentials, tmp_path, *options, deadline=240.0)
    assert (tmp_path / RUN / "report.json").exists(), done.told
    assert_clean(History.read(tmp_path / RUN))
