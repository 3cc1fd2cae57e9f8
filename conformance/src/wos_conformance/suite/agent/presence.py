"""One agent as the double and the test control see it: what it asked, what it said, what runs."""

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wos_conformance.drive import sample
from wos_conformance.drive.trust_domain import Svid
from wos_conformance.history import Control, Exchange, Publication
from wos_conformance.suite.agent.wanted import Running

if TYPE_CHECKING:
    from wos_conformance.suite.agent.stage import Stage

_REST = 2.0
"""For how long nobody looks after a look, measured by how long that took."""
_POLL = "GET /api/v1/deployments "
REQUESTS = {
    "manifest": _POLL,
    "bundle": "GET /api/v1/bundles/",
    "document": "GET /api/v1/deployments/",
    "status": "POST ",
    "capabilities": "PUT /api/v1/capabilities/",
    "withdrawal": "DELETE /api/v1/capabilities/",
}


class Presence:
    """The signs of one agent; nothing here makes it do anything."""

    def __init__(self, stage: "Stage", svid: Svid) -> None:
        self.stage = stage
        self.svid = svid
        self.spiffe_id = svid.spiffe_id or ""
        self.state = sample.word(stage.random, 12)

    def asked(self, operation: str = "", since: int = -1) -> list[Exchange]:
        """Its requests of one operation, or all, after an event."""
        begins = REQUESTS.get(operation, "")
        with self.stage.double.changed:
            known = self.stage.double.exchanges.get(self.spiffe_id, [])
            return [e for e in known if e.seq > since and e.request.head.startswith(begins)]

    def until(self, condition: Callable[[], bool], bound: float) -> bool:
        """Look whenever something happened at the double or a poll interval passed, for as long as the bound.

        It rests for twice as long as a look took, since looks at a real engine keep the device from its work.
        """
        end = time.monotonic() + bound
        while True:
            seen, began = len(self.asked()), time.monotonic()
            if condition():
                return True
            rested = time.monotonic() + _REST * (time.monotonic() - began)
            self._pause(lambda: False, min(rested, end))
            self._pause(
                lambda seen=seen: len(self.asked()) > seen,  # type: ignore[misc]
                min(rested + max(0.02, self.stage.declared("poll_interval")), end),
            )
            if time.monotonic() >= end:
                return condition()

    def _pause(self, condition: Callable[[], bool], end: float) -> None:
        self.stage.double.wait(condition, max(0.0, end - time.monotonic()))

    def bound(self, *names: str) -> float:
        """Three poll intervals and these declared values, in seconds."""
        return 3 * self.stage.declared("poll_interval") + sum(map(self.stage.declared, names))

    def workloads(self) -> Running:
        """What runs now, by the test control."""
        entries = self.stage.control("workloads", state=self.state).get("workloads")
        return frozenset(
            (str(entry.get("deploymentId")), str(entry.get("component")), str(entry.get("revision")))
            for entry in (entries if isinstance(entries, list) else [])
            if isinstance(entry, dict)
        )

    def has_looked_at(self, publication: Publication, polls: int) -> bool:
        """Whether the agent was served a manifest and has asked again so often since."""
        served = self._served(publication)
        return served is not None and len(self.asked("manifest", served)) >= polls

    def _served(self, publication: Publication) -> int | None:
        """The `seq` of the first answer that brought the manifest of a publication since then; None without any."""
        sign = f"ETag: {publication.etag}"
        asked = self.asked("manifest", publication.seq)
        return next((e.seq for e in asked if e.response and sign in e.response.head), None)

    def has_said(self, state: str, publication: Publication, since: int) -> set[str]:
        """The deployments about which this state was reported, and taken, after an event, for a publication."""
        found = set()
        for exchange in self.asked("status", since):
            report = self.told(exchange)
            status, version = report.get("status"), report.get("adoptedManifestVersion")
            new_enough = state == "removed" or (isinstance(version, int) and version >= publication.version)
            if isinstance(status, dict) and status.get("state") == state and new_enough and _is_taken(exchange):
                found.add(str(report.get("deploymentId")))
        return found

    def has_spoken_of(self, publication: Publication) -> set[str]:
        """The deployments about which anything was reported since the manifest of a publication was served."""
        served = self._served(publication)
        said = [] if served is None else self.asked("status", served)
        return {str(self.told(exchange).get("deploymentId")) for exchange in said}

    def spoken_of(self, publication: Publication) -> set[str]:
        """The deployments that were reported before a publication, but for those said to be gone."""
        last: dict[str, Any] = {}
        for report in (self.told(exchange) for exchange in self.asked("status") if exchange.seq < publication.seq):
            status = report.get("status")
            last[str(report.get("deploymentId"))] = status.get("state") if isinstance(status, dict) else None
        return {name for name, state in last.items() if state != "removed"}

    def told(self, exchange: Exchange) -> dict[str, Any]:
        """The JSON object that a request has brought; empty when it was none."""
        body = exchange.request.body
        try:
            value = json.loads(self.stage.recorder.blobs[body.blob]) if body else {}
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def last_start(self) -> Control:
        """The last time that the agent was started."""
        return [c for c in self.stage.recorder.history().of(Control) if c.verb == "start"][-1]

    def start_up(self) -> float:
        """Seconds for which an agent that was started may still keep silent; none once it has asked for anything."""
        starts = [c.seq for c in self.stage.recorder.history().of(Control) if c.verb == "start"]
        return self.stage.declared("apply_time") if starts and not self.asked(since=starts[-1]) else 0.0


def _is_taken(exchange: Exchange) -> bool:
    return exchange.response is not None and exchange.response.head.startswith(("HTTP/1.1 200", "HTTP/1.1 201"))
