"""What is known of one agent: when it ran, what was published to it, what it asked, said and really ran."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from cryptography import x509

from wos_conformance.history import Control, Deadline, ExchangeView, History, Publication
from wos_conformance.judges.document import document_of
from wos_conformance.judges.reading import same_json


@dataclass(frozen=True)
class Workload:
    """One component that runs, or should."""

    deployment_id: str
    component: str
    repository: str
    revision: str
    parameters: Any = field(compare=False, hash=False)
    namespace: str | None = field(default=None, compare=False, hash=False)
    """Where Kubernetes runs it; None when nobody says."""

    def same(self, other: "Workload | None") -> bool:
        """Whether it is the same in everything; the other one may show its parameters in their text form."""
        return self == other and other is not None and same_parameters(self.parameters, other.parameters)

    def __str__(self) -> str:
        return f"{self.component} {self.revision} of {self.deployment_id[:8]}"


Running = dict[tuple[str, str], Workload]


def same_parameters(expected: Any, shown: Any) -> bool:
    """Whether the values are the expected ones, or their text form (deployment.md, "Feature `compose`")."""
    if not isinstance(shown, dict) or not isinstance(expected, dict) or expected.keys() != shown.keys():
        return False
    return all(same_json(v, shown[k]) or same_json(text_form(v), shown[k]) for k, v in expected.items())


def text_form(value: Any) -> str:
    """A value as environment variable: texts as they are, lists with commas, all else as JSON writes it."""
    if isinstance(value, list):
        return ",".join(map(text_form, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@dataclass(eq=False)
class Device:
    """One client and its storage. Whoever builds one asks it nothing before it is whole: it remembers its answers."""

    client: str
    state: str
    starts: list[Control] = field(default_factory=list)
    ends: list[Control] = field(default_factory=list)
    cuts: list[Control] = field(default_factory=list)
    looks: list[Control] = field(default_factory=list)
    publications: list[Publication] = field(default_factory=list)
    exchanges: list[ExchangeView] = field(default_factory=list)

    def asked(self, operation: str) -> list[ExchangeView]:
        """Its requests of one operation, in order."""
        return self._by_operation.get(operation, [])

    @cached_property
    def _by_operation(self) -> dict[str | None, list[ExchangeView]]:
        sorted_out: dict[str | None, list[ExchangeView]] = {}
        for view in self.exchanges:
            sorted_out.setdefault(view.operation, []).append(view)
        return sorted_out

    def polled_between(self, since: float, until: float) -> Iterator[ExchangeView]:
        """Its requests for the manifest that began after one moment and before another."""
        polls = self.asked("manifest")
        for view in polls[bisect_right(polls, since, key=lambda poll: poll.started) :]:
            if view.started >= until:
                return
            yield view

    def runs_until(self, moment: float) -> float:
        """When the run of this moment began to end; infinity if it did not.

        That may be before the moment: what an agent has sent is sometimes read only when it is gone.
        """
        began = max((start.seq for start in self.starts if start.started <= moment), default=-1)
        return min((end.started for end in self.ends if end.seq > began), default=float("inf"))

    def look_after(self, seq: int) -> Control | None:
        """The first observation of what runs after an event."""
        at = bisect_left(self._look_seqs, seq)
        return self.looks[at] if at < len(self.looks) else None

    def look_before(self, seq: int) -> Control | None:
        """The last observation of what runs before an event."""
        at = bisect_left(self._look_seqs, seq)
        return self.looks[at - 1] if at else None

    @cached_property
    def _look_seqs(self) -> list[int]:
        return [look.seq for look in self.looks]

    def published(self, version: int, deployment_id: str, before: float) -> Publication | None:
        """The publication of this version by then that names the deployment, the good one if there are several."""
        known = (p for p in self._by_version.get(version, []) if p.at <= before)
        named = [publication for publication in known if deployment_id in publication.documents]
        good = [publication for publication in named if publication.defect is None]
        return next(reversed(good or named), None)

    @cached_property
    def _by_version(self) -> dict[int, list[Publication]]:
        sorted_out: dict[int, list[Publication]] = {}
        for publication in self.publications:
            sorted_out.setdefault(publication.version, []).append(publication)
        return sorted_out

    def retrieved(self, publication: Publication) -> list[ExchangeView]:
        """The whole answers that brought this manifest."""
        places = {place for sign in _signs_of(publication) for place in self._by_sign.get(sign, [])}
        return [self.asked("manifest")[place] for place in sorted(places)]

    @cached_property
    def _by_sign(self) -> dict[str, list[int]]:
        """Where manifests are among the answers, by their tags and by their digests."""
        found: dict[str, list[int]] = {}
        for place, view in enumerate(self.asked("manifest")):
            for sign in _signs_in(view):
                found.setdefault(sign, []).append(place)
        return found

    def was_served(self, publication: Publication, before: float) -> bool:
        """Whether it has retrieved this manifest since its publication and by then."""
        return any(publication.at <= view.ended <= before for view in self.retrieved(publication))

    def good_before(self, seq: int) -> Publication | None:
        """The newest publication before an event that had to be adopted."""
        return next((p for p in self._published_before(seq) if p.defect is None), None)

    def _published_before(self, seq: int) -> Iterator[Publication]:
        """The publications before an event, the newest first."""
        return (self.publications[at] for at in range(bisect_left(self._publication_seqs, seq) - 1, -1, -1))

    @cached_property
    def _publication_seqs(self) -> list[int]:
        return [publication.seq for publication in self.publications]

    def replaced_at(self, publication: Publication) -> float:
        """When the next publication came; infinity if none did."""
        at = bisect_right(self._publication_seqs, publication.seq)
        return self.publications[at].at if at < len(self.publications) else float("inf")

    def polled_after(self, seq: int) -> bool:
        """Whether it has shown life after an event."""
        polls = self.asked("manifest")
        return bool(polls) and polls[-1].seq > seq

    def announced(self) -> dict[str, Any]:
        """The capabilities that it was started with last."""
        found = self.starts[-1].request.get("capabilities") if self.starts else None
        return found if isinstance(found, dict) else {}

    def has_windows_at(self, moment: float) -> bool:
        """Whether the agent was started, for the run that goes on then, with times in which it may call."""
        started = [start for start in self.starts if start.started <= moment]
        return bool(started) and bool(started[-1].request.get("pollWindows"))

    def newest_before(self, seq: int) -> Publication | None:
        """The newest publication before an event, good or not."""
        return next(self._published_before(seq), None)


def brings(view: ExchangeView, publication: Publication) -> bool:
    """Whether an answer brought the manifest of a publication, with its tag or without."""
    return not _signs_of(publication).isdisjoint(_signs_in(view))


def _signs_of(publication: Publication) -> set[str]:
    """By what a manifest is known: its tag, and the digest of its bytes."""
    return {f"tag {publication.etag}", f"digest {publication.manifest.digest}"}


def _signs_in(view: ExchangeView) -> set[str]:
    """The signs of the manifest in a whole answer."""
    if view.status != 200 or not view.complete:
        return set()
    body = view.exchange.response.body if view.exchange.response else None
    return {f"tag {view.header('etag')}", *([f"digest {body.digest}"] if body else [])}


@lru_cache(maxsize=4)
def devices(history: History) -> list[Device]:
    """All agents of a history, in the order of their first start."""
    by_state: dict[str, Device] = {}
    by_client: dict[str, Device] = {}
    running: Device | None = None
    for control in history.of(Control):
        state = str(control.request.get("state", ""))
        if control.outcome != "done":
            continue
        if control.verb == "start":
            running = _started(control, state, by_state, by_client)
        elif control.verb in ("stop", "cut", "release") and running is not None:
            running.ends.append(control)
            if control.verb == "cut":
                running.cuts.append(control)
        elif control.verb == "workloads" and state in by_state:
            by_state[state].looks.append(control)
    for view in history.exchanges():
        if history.header.level == 0:
            by_client.setdefault(view.client, Device(view.client, ""))
        if view.client in by_client:
            by_client[view.client].exchanges.append(view)
    for publication in history.of(Publication):
        if publication.client in by_client:
            by_client[publication.client].publications.append(publication)
    for device in by_client.values():
        device.exchanges.sort(key=lambda view: view.started)
    return list(by_client.values())


def _started(start: Control, state: str, by_state: dict[str, Device], by_client: dict[str, Device]) -> Device:
    """The device that was started; a released one has another client on the same storage."""
    client = client_of(start)
    device = by_client.setdefault(client, Device(client, state))
    by_state[state] = device
    device.starts.append(start)
    return device


def client_of(start: Control) -> str:
    """The SPIFFE id of the client that was started; the text of its certificate when that names none."""
    service = start.request.get("identityService")
    if "svidPem" not in start.request and isinstance(service, dict):
        return str(service.get("spiffeId", ""))
    try:
        leaf = x509.load_pem_x509_certificate(str(start.request.get("svidPem", "")).encode())
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.UniformResourceIdentifier)[0]
    except (ValueError, x509.ExtensionNotFound, IndexError):
        return str(start.request.get("svidPem", ""))


def observed(look: Control) -> Running:
    """What an observation says that runs; entries without id and component are left out."""
    found: Running = {}
    for entry in (look.response or {}).get("workloads") or []:
        if not isinstance(entry, dict):
            continue
        workload = Workload(
            str(entry.get("deploymentId")),
            str(entry.get("component")),
            str(entry.get("repository")),
            str(entry.get("revision")),
            entry.get("parameters") or {},
            entry.get("namespace"),
        )
        found[workload.deployment_id, workload.component] = workload
    return found


def workloads_of(history: History, publication: Publication) -> Running:
    """What runs when a publication is adopted, without what cannot run."""
    found: Running = {}
    for name, document in publication.documents.items():
        if name in publication.hopeless:
            continue
        for workload in components_of(name, history.body(document.body)):
            found[workload.deployment_id, workload.component] = workload
    return found


def components_of(deployment_id: str, content: bytes) -> Iterator[Workload]:
    """The components of a document."""
    document = document_of(content) or {}
    spec, metadata = document.get("spec"), document.get("metadata")
    if not isinstance(spec, dict):
        return
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    parameters = spec.get("parameters") or {}
    for part in spec.get("deploymentProfile", {}).get("components", []):
        values = {
            target["pointer"]: parameter["value"]
            for _, parameter in sorted(parameters.items())
            for target in parameter["targets"]
            if part["name"] in target["components"]
        }
        properties = part["properties"]
        yield Workload(deployment_id, part["name"], properties["repository"], properties["revision"], values, namespace)


def difference(expected: Running, found: Running) -> str | None:
    """How what runs differs from what should; None when it does not."""
    missing = [str(expected[key]) for key in expected if not expected[key].same(found.get(key))]
    surplus = [str(found[key]) for key in found if key not in expected or not expected[key].same(found[key])]
    if not missing and not surplus:
        return None
    return f"not as it should be: {missing[:3]}; running instead: {surplus[:3]}"


def deadlines(history: History, what: str) -> Iterator[tuple[Device, Deadline, Publication]]:
    """Waits of this kind with their device and the publication that they are about."""
    owner = {p.seq: (device, p) for device in devices(history) for p in device.publications}
    for deadline in history.of(Deadline):
        if deadline.what == what and deadline.subject in owner:
            device, publication = owner[deadline.subject]
            yield device, deadline, publication
