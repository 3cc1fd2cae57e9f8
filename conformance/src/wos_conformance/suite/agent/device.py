"""The words in which scenarios speak of one agent: start, publish, wait until it adopts, cut the power."""

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from wos_conformance.control import ControlFailed
from wos_conformance.drive import defect as defects
from wos_conformance.drive import sample
from wos_conformance.drive.publication import Offer
from wos_conformance.drive.trust_domain import Svid
from wos_conformance.history import Deadline, Publication
from wos_conformance.suite.agent.presence import Presence
from wos_conformance.suite.agent.wanted import Running, Wanted
from wos_conformance.suite.scene import Blocked

if TYPE_CHECKING:
    from wos_conformance.suite.agent.stage import Stage


class Device(Presence):
    """One agent with its identity and storage."""

    def __init__(self, stage: "Stage", svid: Svid) -> None:
        super().__init__(stage, svid)
        self.device_id = sample.word(stage.random)
        self.capabilities = sample.capabilities(stage.random, self.device_id)
        self.version = 0
        self.adopted: Publication | None = None
        self._wanted: dict[int, tuple[Wanted, ...]] = {}
        self._offers: dict[int, Offer] = {}
        self._first: dict[int, int] = {}
        self._runs = False

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

    def install(self, components: int = 1, kind: str = "compose") -> Wanted:
        """A new deployment."""
        return Wanted.new(self.stage.random, components, kind)

    def change(self, wanted: Wanted) -> Wanted:
        """Another revision of a deployment."""
        return wanted.changed(self.stage.random)

    def publish(
        self, *wanted: Wanted, version: int | None = None, defect: str | None = None, note: str = ""
    ) -> Publication:
        """Publish these deployments, well or with a defect; the version is the next one unless given or part of it."""
        if version is None:
            version = {"version-lower": self.version - 1, "version-equal": self.version}.get(
                defect or "", self.version + 1
            )
        documents = {w.deployment_id: w.document(self.device_id) for w in wanted}
        if defect not in ("version-lower", "version-equal"):
            self.version = version
        return self._offer(defects.offer(version, documents, defect, note), wanted, defect, note)

    def publish_again(self, publication: Publication) -> Publication:
        """Publish the same bytes once more; nothing stands against their adoption now."""
        offer, wanted = self._offers[publication.seq], self._wanted[publication.seq]
        event = self._offer(offer, wanted, None, publication.note)
        self._first[event.seq] = self._first.get(publication.seq, publication.seq)
        return event

    def _offer(self, offer: Offer, wanted: tuple[Wanted, ...], defect: str | None, note: str) -> Publication:
        event = self.stage.double.publish(self.spiffe_id, offer, defect, note)
        self._wanted[event.seq], self._offers[event.seq] = wanted, offer
        return event

    # waiting

    def _deadline(self, what: str, subject: int, bound: float, met: bool) -> None:
        self.stage.recorder.record(Deadline, what=what, bound=bound, subject=subject, met=met)

    def _runs_exactly(self, publication: Publication) -> bool:
        mine = [w for w in self._wanted[publication.seq] if self._can_run(w)]
        wanted: Running = frozenset().union(*(w.running for w in mine))
        return self.workloads() == wanted

    def _can_run(self, wanted: Wanted) -> bool:
        types = self.capabilities["properties"]["supportedDeploymentTypes"]
        kind = wanted.application["deploymentProfiles"][0]["type"]
        return kind in types and wanted.device_id in (None, self.device_id)

    def adopts(self, publication: Publication) -> None:
        """Wait until the agent runs a publication and has said so.

        Raises:
            Blocked: it did not within the bound of the specification.
        """
        bound = self.bound("request_timeout", "apply_time")
        end = time.monotonic() + bound
        runs = self.until(lambda: self.has_looked_at(publication, polls=1) and self._runs_exactly(publication), bound)
        self._deadline("adopted", publication.seq, bound, runs)
        self.workloads()
        new, gone = self._to_be_said(publication)
        since = self._first.get(publication.seq, publication.seq)
        for what, state, names in (("installed-reported", "installed", new), ("removed-reported", "removed", gone)):
            said = runs and self.until(
                lambda state=state, names=names: names <= self.has_said(state, publication, since),  # type: ignore[misc]
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
        runnable = {w.deployment_id for w in self._wanted[publication.seq] if self._can_run(w)}
        new = {n for n in runnable if n not in before or before[n].digest != now[n].digest}
        return new, set(before) - set(now)

    def settles(self, publication: Publication) -> None:
        """Wait until the agent has seen a publication that it must not adopt, and has gone on to poll twice.

        Raises:
            Blocked: it did not come so far.
        """
        bound = 3 * self.bound("request_timeout", "max_backoff")
        met = self.until(lambda: self.has_looked_at(publication, polls=2), bound)
        self._deadline("settled", publication.seq, bound, met)
        self.workloads()
        if not met:
            raise Blocked(f"version {publication.version} was not looked at within {bound:.1f} s")

    def recovers(self) -> None:
        """Wait until the agent shows itself after a start and what was adopted runs again.

        Raises:
            Blocked: it does not within the apply time.
        """
        assert self.adopted is not None
        adopted, start = self.adopted, self.last_start()
        bound = self.stage.declared("apply_time")
        met = self.until(lambda: bool(self.asked("manifest", start.seq)) and self._runs_exactly(adopted), bound)
        self._deadline("recovered", start.seq, bound, met)
        self.workloads()
        if not met:
            raise Blocked(f"what was adopted did not run again within {bound:.1f} s")

    def polled(self, times: int) -> int:
        """Wait for so many more requests for the manifest; the `seq` of the last one.

        Raises:
            Blocked: they do not come.
        """
        seen = len(self.asked("manifest"))
        bound = times * self.bound("request_timeout", "max_backoff")
        if not self.until(lambda: len(self.asked("manifest")) >= seen + times, bound):
            raise Blocked(f"the agent did not ask for the manifest {times} times within {bound:.1f} s")
        return self.asked("manifest")[-1].seq

    def falls_silent(self, publication: Publication) -> None:
        """Wait until the agent waits for an answer that will not come, or does not ask any more."""
        bound = self.bound("request_timeout")
        self.until(lambda: any(e.failure == "stalled" for e in self.asked(since=publication.seq)), bound)

    def finds_wos_with(self, flaw: str) -> None:
        """Show a flawed certificate until the agent has tried twice, then the right one again."""
        double = self.stage.double
        double.present(self.stage.trust_domain.wos(flaw))
        before = double.connections
        double.wait(lambda: double.connections >= before + 2, self.bound("request_timeout", "max_backoff"))
        double.present(self.stage.trust_domain.wos())
