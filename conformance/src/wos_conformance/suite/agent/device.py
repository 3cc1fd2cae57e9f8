"""The words in which scenarios speak of one agent: publish, wait until it adopts, settles, fails, recovers."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wos_conformance.drive import defect as defects
from wos_conformance.drive.identity_double import IdentityDouble
from wos_conformance.drive.listener import Listener
from wos_conformance.drive.publication import Offer
from wos_conformance.drive.tls import OLD_PROTOCOLS
from wos_conformance.drive.trust_domain import Svid
from wos_conformance.history import Deadline, Publication
from wos_conformance.suite.agent.power import Powered
from wos_conformance.suite.agent.wanted import Running, Wanted
from wos_conformance.suite.scene import Blocked

if TYPE_CHECKING:
    from wos_conformance.suite.agent.stage import Stage


class Device(Powered):
    """One agent with its identity and storage."""

    def __init__(self, stage: "Stage", svid: Svid, types: Sequence[str]) -> None:
        super().__init__(stage, svid, types)
        self.version = 0
        self.adopted: Publication | None = None
        self._wanted: dict[int, tuple[Wanted, ...]] = {}
        self._offers: dict[int, Offer] = {}
        self._first: dict[int, int] = {}
        self._good: list[Publication] = []

    def install(self, components: int = 1, kind: str = "") -> Wanted:
        """A new deployment, of the first type that is claimed unless another one is asked for."""
        wanted = Wanted.new(self.stage.random, components, kind or self.stage.types[0])
        return wanted.kept_at(self.stage.registry.authority) if self.stage.registry else wanted

    def install_spoilt(self, flaw: str, kind: str) -> Wanted:
        """A new deployment whose package in the registry is missing or has a flaw.

        Raises:
            Blocked: the scenario has no registry.
        """
        if self.stage.registry is None:
            raise Blocked("needs a registry, and with it the feature helm or compose")
        wanted = self.install(kind=kind)
        for repository in wanted.repositories:
            self.stage.registry.spoil(repository, flaw)
        return wanted.without_hope("artifact-unavailable" if flaw == "missing" else flaw)

    def change(self, wanted: Wanted) -> Wanted:
        """Another revision of a deployment."""
        return wanted.changed(self.stage.random)

    def publish(
        self,
        *wanted: Wanted,
        version: int | None = None,
        defect: str | None = None,
        note: str = "",
        authority: str = "",
    ) -> Publication:
        """Publish these deployments, well or with a defect; the version is the next one unless given or part of it."""
        if version is None:
            version = {"version-lower": self.version - 1, "version-equal": self.version}.get(
                defect or "", self.version + 1
            )
        documents = {w.deployment_id: w.document(self.device_id) for w in wanted}
        if defect not in ("version-lower", "version-equal"):
            self.version = version
        return self._offer(defects.offer(version, documents, defect, note, authority), wanted, defect, note)

    def publish_again(self, publication: Publication) -> Publication:
        """Publish the same bytes once more; nothing stands against their adoption now."""
        offer, wanted = self._offers[publication.seq], self._wanted[publication.seq]
        event = self._offer(offer, wanted, None, publication.note)
        self._first[event.seq] = self._first.get(publication.seq, publication.seq)
        return event

    def _offer(self, offer: Offer, wanted: tuple[Wanted, ...], defect: str | None, note: str) -> Publication:
        hopeless = {w.deployment_id: why for w in wanted if (why := self._why_not(w))}
        event = self.stage.double.publish(self.spiffe_id, offer, defect, note, hopeless)
        self._wanted[event.seq], self._offers[event.seq] = wanted, offer
        self._good += [event] if defect is None else []
        return event

    def _deadline(self, what: str, subject: int, bound: float, met: bool) -> None:
        self.stage.recorder.record(Deadline, what=what, bound=bound, subject=subject, met=met)

    def _why_not(self, wanted: Wanted) -> str | None:
        """Why a deployment cannot run here; None when it can."""
        offers = {offer["properties"]["id"]: offer["properties"] for offer in (self.capabilities, *self.children)}
        listed = offers.get(wanted.device_id or self.device_id, {}).get("supportedDeploymentTypes")
        kind = wanted.application["deploymentProfiles"][0]["type"]
        return wanted.hopeless or ("unlisted-type" if listed is not None and kind not in listed else None)

    def _runs_exactly(self, publication: Publication) -> bool:
        """Whether all that can run does, and nothing else; what became of the rest does not matter here."""
        possible = [w for w in self._wanted[publication.seq] if w.deployment_id not in publication.hopeless]
        wanted: Running = frozenset().union(*(w.running for w in possible))
        return {entry for entry in self.workloads() if entry[0] not in publication.hopeless} == wanted

    def runs(self, publication: Publication) -> None:
        """Wait until the agent runs a publication, whatever it says.

        Raises:
            Blocked: it did not within the bound of the specification.
        """
        bound = self.bound("request_timeout", "apply_time")
        if not self.until(lambda: self.has_looked_at(publication, polls=1) and self._runs_exactly(publication), bound):
            raise Blocked(f"version {publication.version} did not run within {bound:.1f} s")
        self.adopted = publication

    def installs(self, publication: Publication) -> None:
        """Let the agent come as far with a publication as it does without being heard."""
        self.until(lambda: self._runs_exactly(publication), self.bound("request_timeout"))

    def adopts(self, publication: Publication) -> None:
        """Wait until the agent runs a publication and has said so.

        Raises:
            Blocked: it did not within the bound of the specification.
        """
        bound = self.bound("request_timeout", "apply_time")
        end = time.monotonic() + bound
        runs = self.until(lambda: self.has_looked_at(publication, polls=1) and self._runs_exactly(publication), bound)
        new, gone = self._to_be_said(publication)
        since = self._first.get(publication.seq, publication.seq)
        if runs:  # a revision may run before its parameters have arrived; what is said to be installed has them
            self.until(lambda: new <= self.has_said("installed", publication, since), max(0.0, end - time.monotonic()))
        self._deadline("adopted", publication.seq, bound, runs)
        self.workloads()
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
        """The deployments that are new or changed since the last good publication, and those of it that are gone."""
        first = self._first.get(publication.seq, publication.seq)
        earlier = (p for p in reversed(self._good) if p.seq < first)
        before = next((p.documents for p in earlier), {})
        now = publication.documents
        possible = set(now) - set(publication.hopeless)
        new = {n for n in possible if n not in before or before[n].digest != now[n].digest}
        return new, (set(before) - set(now)) & self.spoken_of(publication)

    def fails(self, publication: Publication, *wanted: Wanted) -> None:
        """Wait until the agent has reported that these deployments, or all of a publication, have failed."""
        names = {w.deployment_id for w in wanted} or set(publication.documents)
        bound = self.bound("request_timeout", "apply_time")
        met = self.until(lambda: names <= self.has_said("failed", publication, publication.seq), bound)
        self._deadline("failed-reported", publication.seq, bound, met)

    def refuses(self, publication: Publication, *wanted: Wanted) -> None:
        """Wait until the agent has reported that these deployments have failed, or has come for their packages again.

        An agent that runs what it was handed has done so when the wait ends.
        """
        bound = self.bound("request_timeout", "apply_time")
        self.until(lambda: all(self._has_refused(publication, one) for one in wanted), bound)

    def _has_refused(self, publication: Publication, wanted: Wanted) -> bool:
        registry, said = self.stage.registry, self.has_said("failed", publication, publication.seq)
        again = registry is not None and any(registry.tries(repository) > 1 for repository in wanted.repositories)
        return again or wanted.deployment_id in said

    def says_where_it_stands(self, publication: Publication) -> None:
        """Wait until the agent has reported on what it runs after it was served a lower version."""
        assert self.adopted is not None
        names, bound = set(self.adopted.documents), self.bound("request_timeout")
        self.until(lambda: self.has_looked_at(publication, polls=0), bound)
        met = self.until(lambda: names <= self.has_spoken_of(publication), bound)
        self._deadline("stand-reported", publication.seq, bound, met)

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
        bound = self.start_up() + times * self.bound("request_timeout", "max_backoff")
        if not self.until(lambda: len(self.asked("manifest")) >= seen + times, bound):
            raise Blocked(f"the agent did not ask for the manifest {times} times within {bound:.1f} s")
        return self.asked("manifest")[-1].seq

    def announced(self, times: int) -> None:
        """Wait until the agent has announced its device so often.

        Raises:
            Blocked: it has not.
        """
        bound = self.start_up() + times * self.bound("request_timeout", "max_backoff")
        if not self.until(lambda: len(self.asked("capabilities")) >= times, bound):
            raise Blocked(f"the agent did not announce its device {times} times within {bound:.1f} s")

    def reports(self, times: int) -> None:
        """Wait until the agent has sent so many more reports.

        Raises:
            Blocked: it has not.
        """
        seen, bound = len(self.asked("status")), self.bound("request_timeout", "apply_time")
        if not self.until(lambda: len(self.asked("status")) >= seen + times, bound):
            raise Blocked(f"the agent did not send {times} reports within {bound:.1f} s")

    def falls_silent(self, publication: Publication) -> None:
        """Wait until the agent waits for an answer that will not come, or does not ask any more."""
        bound = self.bound("request_timeout")
        self.until(lambda: any(e.failure == "stalled" for e in self.asked(since=publication.seq)), bound)

    def finds_wos_with(self, flaw: str) -> None:
        """Show a flawed certificate, or speak an old protocol, until the agent has tried twice."""
        domain = self.stage.trust_domain
        if flaw in OLD_PROTOCOLS:
            self.stage.double.present(domain.wos(), flaw)
        else:
            self.stage.double.present(domain.wos(flaw))
        self.tries_twice()
        self.stage.double.present(domain.wos())

    def waits_for(self, service: IdentityDouble, times: int) -> None:
        """Wait until the identity service has been asked so many more times.

        Raises:
            Blocked: it has not.
        """
        before, bound = service.asked(), times * (self.bound("request_timeout", "max_backoff") + 6.0)
        if not service.wait(lambda: service.asked() >= before + times, bound):
            raise Blocked(f"the identity service was not asked {times} times within {bound:.1f} s")

    def tries_twice(self, at: Listener | None = None) -> None:
        """Wait until two connections have ended."""
        double = at or self.stage.double
        before = double.connections
        double.wait(lambda: double.connections >= before + 2, self.bound("request_timeout", "max_backoff"))

    def has_called_within(self, seconds: float) -> bool:
        """Whether the agent has asked for the manifest before so many seconds have passed since its start."""
        start = self.last_start()
        return any(poll.started < start.ended + seconds for poll in self.asked("manifest", start.seq))

    def calls_again_after(self, seconds: float) -> None:
        """Wait until the agent has asked for the manifest when so many seconds have passed since its start.

        Raises:
            Blocked: it has not.
        """
        moment = self.last_start().ended + seconds
        bound = seconds + self.bound("request_timeout", "max_backoff")
        if not self.until(lambda: any(poll.started >= moment for poll in self.asked("manifest")), bound):
            raise Blocked(f"the agent did not ask for the manifest {seconds:.0f} s after its start")

    def waits(self, intervals: int) -> None:
        """Let so many poll intervals pass."""
        self.until(lambda: False, intervals * self.stage.declared("poll_interval"))

    def has_time(self, name: str) -> None:
        """Let as much time pass as is declared under this name."""
        self.until(lambda: False, self.stage.declared(name))
