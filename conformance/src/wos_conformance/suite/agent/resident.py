"""An agent that a person has started once: it lives through all scenarios of a run without test control."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from wos_conformance.drive.trust_domain import Svid
from wos_conformance.history import Publication
from wos_conformance.suite.agent.device import Device
from wos_conformance.suite.agent.wanted import Running, Wanted
from wos_conformance.suite.scene import Blocked

if TYPE_CHECKING:
    from wos_conformance.suite.agent.stage import Stage

_PUT = "PUT /api/v1/capabilities/"


class Resident(Device):
    """Knows of its agent only what that tells, and believes what it reports about its workloads."""

    def __init__(self, stage: "Stage") -> None:
        super().__init__(stage, Svid(None, b"", b""), [])

    def arrives(self, stage: "Stage", patience: float) -> "Resident":
        """Wait, in seconds, until the agent shows itself; then begin the scenario with an empty manifest.

        Raises:
            Blocked: it does not.
        """
        self.stage = stage
        if not self.spiffe_id and not stage.double.wait(self._is_there, patience):
            raise Blocked(f"no agent has asked {stage.double.url} for a manifest within {patience:.0f} s")
        self.adopts(self.publish())
        return self

    def _is_there(self) -> bool:
        for client in self.stage.double.exchanges:
            self.spiffe_id = client
            announced, polled = self.asked("capabilities"), self.asked("manifest")
            if client and polled:
                self._learn(announced[-1].request.head.partition("\r\n")[0] if announced else "")
                return True
        self.spiffe_id = ""
        return False

    def _learn(self, start_line: str) -> None:
        self.device_id = unquote(start_line.removeprefix(_PUT).rpartition(" ")[0]) or self.device_id
        offered = self._last_offer().get("properties", {})
        self.capabilities = {"properties": {**offered, "id": self.device_id}, "labels": {}}
        self.capabilities["properties"].setdefault("supportedDeploymentTypes", ["compose"])

    def _last_offer(self) -> dict[str, Any]:
        announced = self.asked("capabilities")
        return self.told(announced[-1]) if announced else {}

    def start(self, *, bundle: bytes | None = None, windows: Sequence[tuple[int, int]] = ()) -> Self:
        """Nobody can start it again."""
        raise Blocked("needs the test control (start)")

    def leave(self) -> None:
        """It stays for the next scenario."""

    def workloads(self) -> Running:
        """Nobody can look."""
        return frozenset()

    def _is_exactly(self, publication: Publication, running: Running) -> bool:
        """Nobody can say otherwise."""
        return True

    def install(self, components: int = 1, kind: str = "") -> Wanted:
        """A new deployment, of a type that the device lists."""
        return super().install(components, kind or self.capabilities["properties"]["supportedDeploymentTypes"][0])

    def runs(self, publication: Publication) -> None:
        """Give the agent time to run a publication.

        Raises:
            Blocked: it does not even look at it.
        """
        bound = self.bound("request_timeout", "apply_time")
        if not self.until(lambda: self.has_looked_at(publication, polls=3), bound):
            raise Blocked(f"version {publication.version} was not looked at within {bound:.1f} s")

    def adopts(self, publication: Publication) -> None:
        """Wait until the agent has said that it runs a publication.

        Raises:
            Blocked: it has not within the bound of the specification.
        """
        bound = self.bound("request_timeout", "apply_time")
        end = time.monotonic() + bound
        new, gone = self._to_be_said(publication)
        since = self._first.get(publication.seq, publication.seq)
        polls = self._polls_after(publication, new | gone)
        met = self.until(lambda: self.has_looked_at(publication, polls), bound)
        for what, state, names in (("installed-reported", "installed", new), ("removed-reported", "removed", gone)):
            met = met and self.until(
                lambda state=state, names=names: names <= self.has_said(state, publication, since),  # type: ignore[misc]
                max(0.0, end - time.monotonic()),
            )
            self._deadline(what, publication.seq, bound, met)
        self._deadline("adopted", publication.seq, bound, met)
        if not met:
            raise Blocked(f"version {publication.version} was not reported within {bound:.1f} s")
        self.adopted = publication
