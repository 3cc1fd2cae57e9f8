"""The words in which scenarios speak of one agent: wait until it adopts, settles, fails, recovers."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wos_conformance.drive.identity_double import IdentityDouble
from wos_conformance.drive.listener import Listener
from wos_conformance.drive.tls import OLD_PROTOCOLS
from wos_conformance.drive.trust_domain import Svid
from wos_conformance.history import Deadline, Publication
from wos_conformance.suite.agent.addressee import Addressee
from wos_conformance.suite.agent.wanted import Running, Wanted
from wos_conformance.suite.scene import Blocked

if TYPE_CHECKING:
    from wos_conformance.suite.agent.stage import Stage


class Device(Addressee):
    """One agent with its identity and storage."""

    def __init__(self, stage: "Stage", svid: Svid, types: Sequence[str]) -> None:
        super().__init__(stage, svid, types)
        self.adopted: Publication | None = None

    def _deadline(self, what: str, subject: int, bound: float, met: bool) -> None:
        self.stage.recorder.record(Deadline, what=what, bound=bound, subject=subject, met=met)

    def _runs_exactly(self, publication: Publication) -> bool:
        """Whether all that can run does, and nothing else."""
        return self._is_exactly(publication, self.workloads())

    def _is_exactly(self, publication: Publication, running: Running) -> bool:
        """Whether this is all that can run, and nothing else; what became of the rest does not matter here."""
        possible = [w for w in self._wanted[publication.seq] if w.deployment_id not in publication.hopeless]
        wanted: Running = frozenset().union(*(w.running for w in possible))
        return {entry for entry in running if entry[0] not in publication.hopeless} == wanted

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
        """Wait until the agent runs a publication and has said so; whoever has nothing to say shows it by another poll.

        Raises:
            Blocked: it did not within the bound of the specification.
        """
        bound = self.bound("request_timeout", "apply_time")
        end = time.monotonic() + bound
        new, gone = self._to_be_said(publication)
        polls = self._polls_after(publication, new | gone)
        runs = self.until(lambda: self.has_looked_at(publication, polls) and self._runs_exactly(publication), bound)
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

    def settles(self, publication: Publication) -> bool:
        """Wait until the agent has seen a publication that it must not adopt, and has gone on to poll twice.

        The result is whether it still runs exactly what it had adopted.

        Raises:
            Blocked: it did not come so far.
        """
        bound = 3 * self.bound("request_timeout", "max_backoff")
        met = self.until(lambda: self.has_looked_at(publication, polls=2), bound)
        self._deadline("settled", publication.seq, bound, met)
        running = self.workloads()
        if not met:
            raise Blocked(f"version {publication.version} was not looked at within {bound:.1f} s")
        return self.adopted is None or self._is_exactly(self.adopted, running)

    def withstands(self, publication: Publication) -> None:
        """Wait as `settles` does; an agent that no longer runs what it had adopted is given that once more.

        Raises:
            Blocked: it did not come so far.
        """
        if not self.settles(publication):
            assert self.adopted is not None
            self.adopts(self.publish(*self._wanted[self.adopted.seq]))

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
        domain = self.trust_domain
        if flaw in OLD_PROTOCOLS:
            self.stage.double.present(domain.wos(), flaw)
        else:
            self.stage.double.present(domain.wos(flaw))
        self.tries_twice()
        self.stage.double.present(domain.wos())

    def changes_its_root(self) -> None:
        """Stop the agent and start it with another root; the WOS first shows a certificate below the former one."""
        positive, double = self.polled(1), self.stage.double
        self.stop()
        double.present(self.trust_domain.wos().flawed("replaced-root"))
        self.trust_domain = self.trust_domain.successor()
        self.start()
        with self.stage.mark("attempt", "replaced-root", twin=positive):
            self.tries_twice()
        double.present(self.trust_domain.wos())

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
