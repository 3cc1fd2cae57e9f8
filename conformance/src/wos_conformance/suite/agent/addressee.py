"""What is published to one agent: deployments, good manifests and bad ones, and what is to be said about them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wos_conformance.drive import defect as defects
from wos_conformance.drive.publication import Offer
from wos_conformance.drive.trust_domain import Svid
from wos_conformance.history import Publication
from wos_conformance.suite.agent.power import Powered
from wos_conformance.suite.agent.wanted import Wanted
from wos_conformance.suite.scene import Blocked

if TYPE_CHECKING:
    from wos_conformance.suite.agent.stage import Stage


class Addressee(Powered):
    """One agent, and all that was ever published to it."""

    def __init__(self, stage: "Stage", svid: Svid, types: Sequence[str]) -> None:
        super().__init__(stage, svid, types)
        self.version = 0
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
            version = self._version_for(defect)
        documents = {w.deployment_id: w.document(self.device_id) for w in wanted}
        if defect not in ("version-lower", "version-equal"):
            self.version = version
        return self._offer(defects.offer(version, documents, defect, note, authority), wanted, defect, note)

    def _version_for(self, defect: str | None) -> int:
        """The next version; for two defects one that follows from the last publication that had to be adopted."""
        if defect not in ("version-lower", "version-equal"):
            return self.version + 1
        return self._good[-1].version - (defect == "version-lower")

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

    def _why_not(self, wanted: Wanted) -> str | None:
        """Why a deployment cannot run here; None when it can."""
        offers = {offer["properties"]["id"]: offer["properties"] for offer in (self.capabilities, *self.children)}
        listed = offers.get(wanted.device_id or self.device_id, {}).get("supportedDeploymentTypes")
        kind = wanted.application["deploymentProfiles"][0]["type"]
        return wanted.hopeless or ("unlisted-type" if listed is not None and kind not in listed else None)

    def _to_be_said(self, publication: Publication) -> tuple[set[str], set[str]]:
        """The deployments that are new or changed since the last good publication, and those of it that are gone."""
        first = self._first.get(publication.seq, publication.seq)
        earlier = (p for p in reversed(self._good) if p.seq < first)
        before = next((p.documents for p in earlier), {})
        now = publication.documents
        possible = set(now) - set(publication.hopeless)
        new = {n for n in possible if n not in before or before[n].digest != now[n].digest}
        return new, (set(before) - set(now)) & self.spoken_of(publication)

    def _polls_after(self, publication: Publication, said: set[str]) -> int:
        """How many polls after its retrieval show what an agent made of it: none when its reports about all will."""
        return 0 if said and not publication.hopeless else 1
