"""The words in which scenarios for an agent speak: devices, deployments, publications, power cuts."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from wos_conformance.control import ControlFailed
from wos_conformance.drive import answer, publication, sample
from wos_conformance.drive.double import Client, Double, Script
from wos_conformance.drive.trust_domain import Svid, TrustDomain
from wos_conformance.history import Control, Deadline, Exchange, Publication
from wos_conformance.suite.scene import Blocked, Run, Scene

_RUNNING = frozenset[tuple[str, str, str]]


@dataclass(frozen=True)
class Wanted:
    """A deployment as it shall run."""

    deployment_id: str
    application: dict[str, Any]
    values: dict[str, Any]

    @property
    def running(self) -> _RUNNING:
        """Deployment id, component and revision of all that shall run."""
        parts = self.application["deploymentProfiles"][0]["components"]
        return frozenset((self.deployment_id, part["name"], part["properties"]["revision"]) for part in parts)


class Device:
    """One agent with its identity and storage, as the double and the test control see it."""

    def __init__(self, stage: "Stage", svid: Svid) -> None:
        self.stage = stage
        self.svid = svid
        self.spiffe_id = svid.spiffe_id or ""
        self.device_id = sample.word(stage.random)
        self.state = sample.word(stage.random, 12)
        self.capabilities = sample.capabilities(stage.random, self.device_id)
        self.version = 0
        self.adopted: Publication | None = None
        self._wanted: dict[int, tuple[Wanted, ...]] = {}
        self._runs = False

    @property
    def _client(self) -> Client:
        return self.stage.double.client(self.spiffe_id)

    # power

    def start(self) -> "Device":
        """Start the agent; it finds the double as its WOS."""
        declared = self.stage.declared
        self.stage.control(
            "start",
            wosUrl=self.stage.double.url,
            svidPem=self.svid.chain_pem.decode("ascii"),
            keyPem=self.svid.key_pem.decode("ascii"),
            trustBundlePem=self.stage.trust_domain.bundle_pem.decode("ascii"),
            state=self.state,
            pollIntervalSeconds=declared("poll_interval"),
            requestTimeoutSeconds=declared("request_timeout"),
            maxBackoffSeconds=declared("max_backoff"),
            capabilities=self.capabilities,
        )
        self._runs = True
        return self

    def stop(self) -> None:
        """Stop the agent in an orderly way."""
        self._runs = False
        self.stage.control("stop")

    def cut(self) -> None:
        """End the agent as a power cut would."""
        self._runs = False
        self.stage.control("cut")

    def leave(self) -> None:
        """Stop the agent if it runs, and remove its storage."""
        if self._runs:
            with suppress(ControlFailed):
                self.stop()
        with suppress(ControlFailed):
            self.stage.control("wipe", state=self.state)

    # desired state

    def install(self, components: int = 1) -> Wanted:
        """A new deployment."""
        random = self.stage.random
        return Wanted(sample.uuid(random), sample.application(random, components), {})

    def change(self, wanted: Wanted) -> Wanted:
        """Another revision of the first component of a deployment, and another parameter."""
        random = self.stage.random
        application = json.loads(json.dumps(wanted.application))
        application["deploymentProfiles"][0]["components"][0]["properties"]["revision"] = sample.revision(random)
        return replace(wanted, application=application, values={"rate": random.randrange(10_000, 20_000)})

    def publish(
        self, *wanted: Wanted, version: int | None = None, defect: str | None = None, note: str = ""
    ) -> Publication:
        """Publish these deployments, well or with a defect; the version is the next one unless given or part of it."""
        if version is None:
            version = {"version-lower": self.version - 1, "version-equal": self.version}.get(
                defect or "", self.version + 1
            )
        documents = {
            w.deployment_id: publication.document(w.deployment_id, self.device_id, w.application, w.values)
            for w in wanted
        }
        offered = publication.offer(version, documents, defect, note)
        event = self.stage.double.publish(self.spiffe_id, offered, defect, note)
        self._wanted[event.seq] = wanted
        if not (defect or "").startswith("version-"):
            self.version = version
        return event

    # waiting

    def _bound(self, *names: str) -> float:
        return 3 * self.stage.declared("poll_interval") + sum(map(self.stage.declared, names))

    def _deadline(self, what: str, subject: int, bound: float, met: bool) -> None:
        self.stage.recorder.record(Deadline, what=what, bound=bound, subject=subject, met=met)

    def workloads(self) -> _RUNNING:
        """What runs now, by the test control."""
        entries = self.stage.control("workloads", state=self.state).get("workloads")
        return frozenset(
            (str(entry.get("deploymentId")), str(entry.get("component")), str(entry.get("revision")))
            for entry in (entries if isinstance(entries, list) else [])
            if isinstance(entry, dict)
        )

    def _until(self, condition: Callable[[], bool], bound: float) -> bool:
        """Look whenever something happened at the double or a poll interval passed, for as long as the bound."""
        end = time.monotonic() + bound
        while not condition():
            seen = len(self._client.exchanges)
            remaining = end - time.monotonic()
            if remaining <= 0:
                return False
            pause = min(remaining, max(0.05, self.stage.declared("poll_interval")))
            self.stage.double.wait(lambda seen=seen: len(self._client.exchanges) > seen, pause)  # type: ignore[misc]
        return True

    def _runs_exactly(self, publication: Publication) -> bool:
        wanted: _RUNNING = frozenset().union(*(w.running for w in self._wanted[publication.seq]))
        return self.workloads() == wanted

    def adopts(self, publication: Publication) -> None:
        """Wait until the agent runs a publication and has said so.

        Raises:
            Blocked: it did not within the bound of the specification.
        """
        bound = self._bound("request_timeout", "apply_time")
        end = time.monotonic() + bound
        runs = self._until(lambda: self._looked_at(publication, polls=1) and self._runs_exactly(publication), bound)
        self._deadline("adopted", publication.seq, bound, runs)
        self.workloads()
        new, gone = self._to_be_said(publication)
        for what, state, names in (("installed-reported", "installed", new), ("removed-reported", "removed", gone)):
            said = runs and self._until(
                lambda state=state, names=names: names <= self._said(publication, state),  # type: ignore[misc]
                max(0.0, end - time.monotonic()),
            )
            self._deadline(what, publication.seq, bound, said)
            runs = runs and said
        if not runs:
            raise Blocked(f"version {publication.version} was not adopted and reported within {bound:.1f} s")
        self.adopted = publication

    def _to_be_said(self, publication: Publication) -> tuple[set[str], set[str]]:
        before = self.adopted.documents if self.adopted else {}
        now = publication.documents
        new = {name for name in now if name not in before or before[name].digest != now[name].digest}
        return new, set(before) - set(now)

    def _said(self, publication: Publication, state: str) -> set[str]:
        found = set()
        for exchange in list(self._client.exchanges):
            if exchange.seq < publication.seq or not exchange.request.head.startswith("POST "):
                continue
            report = self._report(exchange)
            status = report.get("status")
            version = report.get("adoptedManifestVersion")
            new_enough = state == "removed" or (isinstance(version, int) and version >= publication.version)
            taken = exchange.response is not None and exchange.response.head.startswith(
                ("HTTP/1.1 200", "HTTP/1.1 201")
            )
            if isinstance(status, dict) and status.get("state") == state and new_enough and taken:
                found.add(str(report.get("deploymentId")))
        return found

    def _report(self, exchange: Exchange) -> dict[str, Any]:
        body = exchange.request.body
        try:
            value = json.loads(self.stage.recorder.blobs[body.blob]) if body else {}
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def settles(self, publication: Publication) -> None:
        """Wait until the agent has seen a publication that it must not adopt, and has gone on to poll twice.

        Raises:
            Blocked: it did not come so far.
        """
        bound = 3 * self._bound("request_timeout", "max_backoff")

        met = self._until(lambda: self._looked_at(publication, polls=2), bound)
        self._deadline("settled", publication.seq, bound, met)
        self.workloads()
        if not met:
            raise Blocked(f"version {publication.version} was not looked at within {bound:.1f} s")

    def _looked_at(self, publication: Publication, polls: int) -> bool:
        """Whether the agent was served a manifest and has asked again so often since."""
        asked = [e for e in self._manifest_requests() if e.seq > publication.seq]
        served = [e.seq for e in asked if e.response and f"ETag: {publication.etag}" in e.response.head]
        return bool(served) and sum(e.seq > served[0] for e in asked) >= polls

    def recovers(self) -> None:
        """Wait until the agent shows itself after a start and what was adopted runs again.

        Raises:
            Blocked: it does not within the apply time.
        """
        assert self.adopted is not None
        adopted = self.adopted
        start = [c for c in self.stage.recorder.history().of(Control) if c.verb == "start"][-1]
        bound = self.stage.declared("apply_time")
        met = self._until(lambda: self._polled_after(start.seq) and self._runs_exactly(adopted), bound)
        self._deadline("recovered", start.seq, bound, met)
        self.workloads()
        if not met:
            raise Blocked(f"what was adopted did not run again within {bound:.1f} s")

    def _polled_after(self, seq: int) -> bool:
        return any(exchange.seq > seq for exchange in self._manifest_requests())

    def _manifest_requests(self) -> list[Exchange]:
        with self.stage.double.changed:
            return [e for e in self._client.exchanges if e.request.head.startswith("GET /api/v1/deployments ")]

    def polled(self, times: int) -> int:
        """Wait for so many more requests for the manifest; the `seq` of the last one.

        Raises:
            Blocked: they do not come.
        """
        seen = len(self._manifest_requests())
        bound = times * self._bound("request_timeout", "max_backoff")
        if not self._until(lambda: len(self._manifest_requests()) >= seen + times, bound):
            raise Blocked(f"the agent did not ask for the manifest {times} times within {bound:.1f} s")
        return self._manifest_requests()[-1].seq

    def answered(self, publication: Publication, operation: str) -> None:
        """Wait until the double has answered a request of this kind after a publication; it need not come."""
        starts = {
            "manifest": "GET /api/v1/deployments ",
            "bundle": "GET /api/v1/bundles/",
            "document": "GET /api/v1/deployments/",
            "status": "POST ",
        }
        bound = self._bound("request_timeout")
        self._until(
            lambda: any(
                e.seq > publication.seq and e.request.head.startswith(starts[operation])
                for e in list(self._client.exchanges)
            ),
            bound if operation != "document" else self.stage.declared("poll_interval"),
        )

    def finds_wos_with(self, flaw: str) -> None:
        """Show a flawed certificate until the agent has tried twice, then the right one again."""
        double = self.stage.double
        double.present(self.stage.trust_domain.wos(flaw))
        before = double.connections
        double.wait(lambda: double.connections >= before + 2, self._bound("request_timeout", "max_backoff"))
        double.present(self.stage.trust_domain.wos())


class Stage(Scene):
    """A scenario for an agent, with a double of its own."""

    def __init__(self, run: Run, name: str, trust_domain: TrustDomain) -> None:
        super().__init__(run, name)
        self.trust_domain = trust_domain
        self.double = Double(run.recorder, trust_domain)
        self._devices: list[Device] = []

    def close(self) -> None:
        """End the agents of the scenario and the double."""
        try:
            self.leave()
        finally:
            self.double.close()

    def leave(self) -> None:
        """End the agents that the scenario has started so far, and remove their storage."""
        while self._devices:
            self._devices.pop().leave()

    def start(self) -> Device:
        """Start an agent with an identity and a storage of its own; an empty manifest is published to it."""
        device = Device(self, self.trust_domain.agent())
        self._devices.append(device)
        device.publish()
        return device.start()

    @contextmanager
    def answer(self, operation: str, status: int, *, retry_after: int, form: str) -> Iterator[None]:
        """Refuse the next request of this kind, and tell when to come again."""
        act = answer.refusing(status, retry_after, form)
        with self.double.scripted(Script(f"status-{status}", operation, act, left=1)):
            yield

    @contextmanager
    def misbehave(self, operation: str, behaviour: str, count: int | None = None) -> Iterator[None]:
        """Misbehave in one way for requests of this kind."""
        with self.double.scripted(Script(behaviour, operation, answer.misbehaving(behaviour), left=count)):
            yield
