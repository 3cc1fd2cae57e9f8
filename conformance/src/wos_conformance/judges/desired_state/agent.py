"""How an agent adopts a manifest, and how it does not (desired-state.md, "Adopting")."""

from collections.abc import Callable, Iterator
from functools import lru_cache

from wos_conformance.history import Control, Deadline, History, Publication
from wos_conformance.judges.desired_state.wos import MANIFEST_TYPE
from wos_conformance.judges.device import (
    Device,
    Running,
    brings,
    deadlines,
    devices,
    difference,
    observed,
    workloads_of,
)
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.reading import entity_tags
from wos_conformance.judges.unchanged import keeps_running

Judge = Callable[[History], Iterator[Judgement]]


@judge("desired-state.accept-sent")
def agent_asks_for_the_manifest_type(history: History) -> Occasions:
    """The media type of the manifest is in `Accept`."""
    for view in history.exchanges("manifest"):
        found = view.request_header("accept")
        if MANIFEST_TYPE in (found or ""):
            yield kept(view)
        else:
            yield broken(view, expected=f"Accept: {MANIFEST_TYPE}", received=repr(found))


def adoptions(history: History) -> Iterator[tuple[Device, Deadline, Publication]]:
    """Publications of which the agent was seen to run everything."""
    for device, deadline, publication in deadlines(history, "adopted"):
        if deadline.met and publication.defect is None and device.was_served(publication, deadline.at):
            yield device, deadline, publication


@judge("desired-state.conditional-poll")
def agent_sends_the_tag_it_adopted(history: History) -> Occasions:
    """Once a manifest is adopted, polls carry its tag."""
    for device, deadline, publication in adoptions(history):
        until = min(device.replaced_at(publication), device.runs_until(deadline.at))
        for view in device.polled_between(deadline.at, until):
            if publication.etag in entity_tags(view.request_header("if-none-match")):
                yield kept(view)
            else:
                received = repr(view.request_header("if-none-match"))
                yield broken(view, expected=f"If-None-Match: {publication.etag}", received=received)


@judge("desired-state.tag-only-when-adopted")
def agent_does_not_send_the_tag_of_what_it_refused(history: History) -> Occasions:
    """The tag of a manifest that must not be adopted never comes back."""
    for device in devices(history):
        good = {p.etag for p in device.publications if p.defect is None}
        for bad in (p for p in device.publications if p.defect is not None and p.etag not in good):
            retrieved = device.retrieved(bad)
            if not retrieved:
                continue
            for view in device.asked("manifest"):
                if view.started <= retrieved[0].ended:
                    continue
                if bad.etag in entity_tags(view.request_header("if-none-match")):
                    did = f"served a manifest that must not be adopted ({bad.defect})"
                    yield broken(view, did=did, expected="any tag but its own", received=bad.etag)
                else:
                    yield kept(view)


def compared(look: Control, expected: Running, did: str) -> Judgement:
    """Whether an observation shows exactly what is expected."""
    differs = difference(expected, observed(look))
    if differs is None:
        return kept(look)
    return broken(look, did=did, expected=_names(expected), received=differs)


def _names(running: Running) -> str:
    return f"exactly these components: {sorted(map(str, running.values()))}"


def converged(note: str | None) -> Judge:
    def agent_runs_what_was_published(history: History) -> Occasions:
        """Within the bound exactly the components of the newest manifest run."""
        for device, deadline, publication in deadlines(history, "adopted"):
            look = device.look_after(deadline.seq)
            if publication.defect or publication.hopeless or look is None or note not in (None, publication.note):
                continue
            hindered = history.has_fault_between(publication.at, deadline.at)
            told = f"published version {publication.version} with {len(publication.documents)} deployments"
            judgement = compared(look, workloads_of(history, publication), f"{told}, waited {deadline.bound:.1f} s")
            if device.was_served(publication, look.started) if judgement.kept else not hindered:
                yield judgement

    return agent_runs_what_was_published


judge("desired-state.converges")(converged(None))
judge("desired-state.exact-version")(converged("huge-version"))
judge("desired-state.size-advisory")(converged("sizes-wrong"))
judge("desired-state.unknown-members-ignored")(converged("unknown-members"))


def was_adopted(history: History, publication: Publication) -> bool:
    """Whether the agent was seen to run everything of a publication, or of the same one before."""
    first = _first_adopted(history).get((publication.client, publication.etag))
    return first is not None and first <= publication.seq


@lru_cache(maxsize=4)
def _first_adopted(history: History) -> dict[tuple[str, str], int]:
    """For each client and tag the first publication that was adopted."""
    found: dict[tuple[str, str], int] = {}
    for _, _, adopted in adoptions(history):
        key = adopted.client, adopted.etag
        found[key] = min(found.get(key, adopted.seq), adopted.seq)
    return found


@judge("desired-state.failure-stays-alone")
def failure_of_one_leaves_the_others(history: History) -> Occasions:
    """Within the bound everything runs but what cannot be installed."""
    for device, deadline, publication in deadlines(history, "adopted"):
        look = device.look_after(deadline.seq)
        if "artifact-unavailable" not in publication.hopeless.values() or publication.defect or look is None:
            continue
        running, expected = observed(look), workloads_of(history, publication)
        missing = [str(workload) for key, workload in expected.items() if not workload.same(running.get(key))]
        did = f"published version {publication.version}, of which one deployment cannot be installed"
        if missing:
            yield broken(look, did=did, expected="all components of the others", received=f"{missing[:3]} do not run")
        elif device.was_served(publication, look.started):
            yield kept(look)


@judge("desired-state.coding-undone")
def coded_bodies_are_understood(history: History) -> Occasions:
    """What came in a content coding that the agent allowed runs like anything else."""
    for device, deadline, publication in deadlines(history, "adopted"):
        look = device.look_after(deadline.seq)
        coded = [view for view in device.exchanges if view.seq > publication.seq and view.header("content-encoding")]
        if publication.note == "coded" and coded and look is not None:
            did = f"served version {publication.version} in {coded[0].header('content-encoding')}"
            yield compared(look, workloads_of(history, publication), did)


@judge("desired-state.same-manifest-unchanged")
def same_manifest_changes_nothing(history: History) -> Occasions:
    """What was adopted may be served again in full."""
    adopted: dict[Device, list[Publication]] = {}
    for device, _, publication in adoptions(history):
        adopted.setdefault(device, []).append(publication)
    for device in devices(history):
        again = [view for view in device.asked("manifest") if view.answered == "unconditional" and view.complete]
        for view in again:
            if any(brings(view, p) for p in adopted.get(device, []) if p.seq < view.seq):
                did = "served the manifest that was adopted last with status 200"
                yield from keeps_running(device, view.seq, view.seq, did)


@judge("desired-state.least-sizes-taken")
def manifest_of_ordinary_size_is_adopted(history: History) -> Occasions:
    """Its tag comes back, or each of its deployments is reported under its version, within the bound."""
    for device, deadline, publication in deadlines(history, "adopted"):
        if publication.note != "least-sizes" or not device.retrieved(publication):
            continue
        tags = (entity_tags(view.request_header("if-none-match")) for view in device.asked("manifest"))
        names = {view.parameters["deploymentId"] for view in device.asked("status") if view.seq > publication.seq}
        if any(publication.etag in found for found in tags) or set(publication.documents) <= names:
            yield kept(deadline)
        else:
            did = f"published version {publication.version} with {len(publication.documents)} documents of 65536 bytes"
            received = f"neither its tag nor a report about {len(set(publication.documents) - names)} of them"
            yield broken(deadline, did=did, expected="that it is adopted", received=received)
