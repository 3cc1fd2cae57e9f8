"""How an agent adopts a manifest, and how it does not (desired-state.md, "Adopting")."""

import hashlib
from collections.abc import Callable, Iterator

from wos_conformance.history import Control, Deadline, History, Publication
from wos_conformance.judges.desired_state.wos import MANIFEST_TYPE
from wos_conformance.judges.device import (
    Device,
    Running,
    Workload,
    components_of,
    deadlines,
    devices,
    difference,
    observed,
    workloads_of,
)
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.reading import entity_tags

Judge = Callable[[History], Iterator[Judgement]]

UNOBTAINABLE = (
    *("document-digest-wrong", "one-digest-wrong", "bundle-digest-wrong", "artifacts-missing", "unreachable"),
    *("artifact-altered", "artifact-truncated", "artifact-reset-midway", "artifact-endless", "artifact-stall"),
)
"""Defects for which not everything that a manifest names can be retrieved and verified."""


@judge("desired-state.accept-sent")
def agent_asks_for_the_manifest_type(history: History) -> Occasions:
    """The media type of the manifest is in `Accept`."""
    for view in history.exchanges("manifest"):
        found = view.request_header("accept")
        if MANIFEST_TYPE in (found or ""):
            yield kept(view)
        else:
            yield broken(view, expected=f"Accept: {MANIFEST_TYPE}", received=repr(found))


def _adoptions(history: History) -> Iterator[tuple[Device, Deadline, Publication]]:
    """Publications of which the agent was seen to run everything."""
    for device, deadline, publication in deadlines(history, "adopted"):
        if deadline.met and publication.defect is None and device.was_served(publication, deadline.at):
            yield device, deadline, publication


@judge("desired-state.conditional-poll")
def agent_sends_the_tag_it_adopted(history: History) -> Occasions:
    """Once a manifest is adopted, polls carry its tag."""
    for device, deadline, publication in _adoptions(history):
        until = min((p.at for p in device.publications if p.seq > publication.seq), default=float("inf"))
        until = min(until, device.runs_until(deadline.at))
        for view in device.asked("manifest"):
            if not deadline.at < view.started < until:
                continue
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


def _compared(look: Control, expected: Running, did: str) -> Judgement:
    differs = difference(expected, observed(look))
    if differs is None:
        return kept(look)
    return broken(look, did=did, expected=_names(expected), received=differs)


def _names(running: Running) -> str:
    return f"exactly these components: {sorted(map(str, running.values()))}"


def _converged(note: str | None) -> Judge:
    def agent_runs_what_was_published(history: History) -> Occasions:
        """Within the bound exactly the components of the newest manifest run."""
        for device, deadline, publication in deadlines(history, "adopted"):
            look = device.look_after(deadline.seq)
            if publication.defect is not None or look is None or note not in (None, publication.note):
                continue
            hindered = history.has_fault_between(publication.at, deadline.at)
            told = f"published version {publication.version} with {len(publication.documents)} deployments"
            judgement = _compared(look, workloads_of(history, publication), f"{told}, waited {deadline.bound:.1f} s")
            if device.was_served(publication, look.started) if judgement.kept else not hindered:
                yield judgement

    return agent_runs_what_was_published


judge("desired-state.converges")(_converged(None))
judge("desired-state.exact-version")(_converged("huge-version"))
judge("desired-state.size-advisory")(_converged("sizes-wrong"))
judge("desired-state.unknown-members-ignored")(_converged("unknown-members"))


def _settled(history: History, *defects: str) -> Iterator[tuple[Device, Publication, Control, Running]]:
    """Publications with one of these defects after the agent has looked at them: what runs, and what should."""
    for device, deadline, publication in deadlines(history, "settled"):
        look, good = device.look_after(deadline.seq), device.good_before(publication.seq)
        if publication.defect not in defects or not deadline.met or look is None or good is None:
            continue
        if _was_adopted(history, good):
            yield device, publication, look, workloads_of(history, good)


def _was_adopted(history: History, publication: Publication) -> bool:
    return any(p.seq == publication.seq for _, _, p in _adoptions(history))


def _refused(*defects: str) -> Judge:
    def agent_keeps_what_it_had(history: History) -> Occasions:
        """After a manifest that must not be adopted, exactly the components of the one before run."""
        for _, publication, look, expected in _settled(history, *defects):
            told = f"published version {publication.version} ({publication.defect}), waited for two more polls"
            yield _compared(look, expected, told)

    return agent_keeps_what_it_had


judge("desired-state.algorithm-known")(_refused("algorithm-unknown"))
judge("desired-state.lower-version-refused")(_refused("version-lower"))
judge("desired-state.equal-version-refused")(_refused("version-equal"))
judge("desired-state.failure-keeps-running")(_refused(*UNOBTAINABLE))


def _unverified(*defects: str) -> Judge:
    def agent_runs_only_what_it_verified(history: History) -> Occasions:
        """Nothing runs that comes from bytes with another digest."""
        for _, publication, look, before in _settled(history, *defects):
            running = observed(look)
            wrong = [
                w
                for w in _false_workloads(history, publication)
                if not w.same(before.get((w.deployment_id, w.component)))
            ]
            found = [str(w) for w in wrong if w.same(running.get((w.deployment_id, w.component)))]
            told = f"published version {publication.version} with bytes that are not what the digest says"
            if found:
                yield broken(look, did=told, expected="nothing of it runs", received=f"{found[:3]} run")
            else:
                yield kept(look)

    return agent_runs_only_what_it_verified


def _false_workloads(history: History, publication: Publication) -> Iterator[Workload]:
    for name, document in publication.documents.items():
        content = history.body(document.body)
        if publication.defect == "bundle-digest-wrong" or _digest(content) != document.digest:
            yield from components_of(name, content)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


judge("desired-state.document-verified")(_unverified("document-digest-wrong", "one-digest-wrong"))
judge("desired-state.bundle-verified")(_unverified("bundle-digest-wrong"))


@judge("desired-state.not-found-keeps-running")
def not_found_is_no_removal(history: History) -> Occasions:
    """What ran still runs after 404 on documents and bundles."""
    for _, publication, look, before in _settled(history, "artifacts-missing"):
        running = observed(look)
        gone = [str(workload) for key, workload in before.items() if key not in running]
        told = f"answered the artifacts of version {publication.version} with 404"
        if gone:
            yield broken(look, did=told, expected="what ran goes on", received=f"{gone[:3]} no longer run")
        else:
            yield kept(look)


@judge("desired-state.version-survives-power-cut")
def version_survives_a_power_cut(history: History) -> Occasions:
    """After a power cut, older manifests are still refused."""
    for device, publication, look, expected in _settled(history, "version-lower", "version-equal"):
        good = device.good_before(publication.seq)
        if good is None or not any(good.seq < cut.seq < publication.seq for cut in device.cuts):
            continue
        told = f"cut the power, then published version {publication.version} ({publication.defect})"
        yield _compared(look, expected, told)


@judge("desired-state.workloads-survive-power-cut")
def workloads_survive_a_power_cut(history: History) -> Occasions:
    """After a power cut, what was adopted runs again."""
    for device in devices(history):
        starts = {start.seq for start in device.starts}
        for deadline in history.of(Deadline):
            if deadline.what != "recovered" or deadline.subject not in starts:
                continue
            look, good = device.look_after(deadline.seq), device.good_before(deadline.subject)
            if look is None or good is None or not _was_adopted(history, good):
                continue
            if any(deadline.subject < poll.seq < look.seq for poll in device.asked("manifest")):
                told = f"cut the power, started the agent, waited {deadline.bound:.1f} s"
                yield _compared(look, workloads_of(history, good), told)
