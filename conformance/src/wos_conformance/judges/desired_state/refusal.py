"""What an agent refuses, and what it says then (desired-state.md, "What an agent refuses")."""

import hashlib
from collections.abc import Callable, Iterator

from wos_conformance.history import Connection, Control, History, Publication
from wos_conformance.judges.desired_state.agent import compared, was_adopted
from wos_conformance.judges.device import (
    Device,
    Running,
    Workload,
    components_of,
    deadlines,
    observed,
    workloads_of,
)
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept

Judge = Callable[[History], Iterator[Judgement]]

INVALID = (
    *("version-zero", "version-negative", "version-fraction", "version-text", "version-too-large", "version-missing"),
    *("deployments-missing", "digest-missing", "digest-short", "digest-capital", "deployment-id-short"),
    *("manifest-not-json", "manifest-not-object", "bundle-type-wrong"),
)
"""Defects by which a manifest is not valid against its schema."""
UNOBTAINABLE = (
    *("document-digest-wrong", "one-digest-wrong", "bundle-digest-wrong", "artifacts-missing", "unreachable"),
    *("all-digests-wrong", "one-document-missing"),
    *("artifact-altered", "artifact-truncated", "artifact-reset-midway", "artifact-endless", "artifact-stall"),
)
"""Defects for which not everything that a manifest names can be retrieved and verified."""


MISSHAPEN = tuple(
    f"bundle-{kind}"
    for kind in (
        *("parent-path", "absolute-path", "symbolic-link", "hard-link", "device", "pipe", "duplicate", "set-user-id"),
        *("surplus", "in-folder", "dot-path", "with-folder", "lacking", "empty", "not-gzip", "not-tar", "cut-short"),
    )
)
"""Defects by which a bundle is what its digest says, and no bundle of its manifest."""


def settled(history: History, *defects: str) -> Iterator[tuple[Device, Publication, Control, Running]]:
    """Publications with one of these defects after the agent has looked at them: what runs, and what should."""
    for device, deadline, publication in deadlines(history, "settled"):
        look, good = device.look_after(deadline.seq), device.good_before(publication.seq)
        if publication.defect not in defects or not deadline.met or look is None or good is None:
            continue
        if was_adopted(history, good):
            yield device, publication, look, workloads_of(history, good)


def _refused(*defects: str) -> Judge:
    def agent_keeps_what_it_had(history: History) -> Occasions:
        """After a manifest that must not be adopted, exactly the components of the one before run."""
        for _, publication, look, expected in settled(history, *defects):
            told = f"published version {publication.version} ({publication.defect}), waited for two more polls"
            yield compared(look, expected, told)

    return agent_keeps_what_it_had


judge("desired-state.manifest-verified")(_refused("tag-wrong"))
judge("desired-state.invalid-manifest-refused")(_refused(*INVALID))
judge("desired-state.deployment-twice-refused")(_refused("deployment-twice", "deployment-twice-otherwise"))
judge("desired-state.document-id-refused")(_refused("document-id-wrong"))
judge("desired-state.algorithm-known")(_refused("algorithm-unknown"))
judge("desired-state.lower-version-refused")(_refused("version-lower"))
judge("desired-state.equal-version-refused")(_refused("version-equal"))
judge("desired-state.failure-keeps-running")(_refused(*UNOBTAINABLE))


def _unverified(*defects: str) -> Judge:
    def agent_runs_only_what_it_verified(history: History) -> Occasions:
        """Nothing runs that comes from bytes with another digest."""
        for _, publication, look, before in settled(history, *defects):
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


judge("desired-state.document-verified")(_unverified("document-digest-wrong", "one-digest-wrong", "all-digests-wrong"))
judge("desired-state.bundle-verified")(_unverified("bundle-digest-wrong", "all-digests-wrong"))


@judge("desired-state.not-found-keeps-running")
def not_found_is_no_removal(history: History) -> Occasions:
    """What ran still runs after 404 on documents and bundles."""
    for _, publication, look, before in settled(history, "artifacts-missing"):
        running = observed(look)
        gone = [str(workload) for key, workload in before.items() if key not in running]
        told = f"answered the artifacts of version {publication.version} with 404"
        if gone:
            yield broken(look, did=told, expected="what ran goes on", received=f"{gone[:3]} no longer run")
        else:
            yield kept(look)


def _bundle_was_fetched(device: Device, publication: Publication) -> bool:
    digest = publication.bundle.digest if publication.bundle else None
    return any(
        view.status == 200 and not view.failure and view.parameters["digest"] == digest
        for view in device.asked("bundle")
    )


@judge("desired-state.bundle-form-refused")
def nothing_runs_from_an_odd_bundle(history: History) -> Occasions:
    """Nothing runs of a bundle whose members are not what they should be."""
    for device, publication, look, before in settled(history, *MISSHAPEN):
        if not _bundle_was_fetched(device, publication):
            continue
        running = observed(look)
        new = [w for key, w in workloads_of(history, publication).items() if not w.same(before.get(key))]
        found = [
            str(workload)
            for workload in new
            if workload.same(running.get((workload.deployment_id, workload.component)))
        ]
        if found:
            did = f"served a bundle with the right digest and a flaw ({publication.defect})"
            yield broken(look, did=did, expected="nothing of it runs", received=f"{found[:3]} run")
        else:
            yield kept(look)


@judge("desired-state.swollen-bundle-survived")
def swollen_bundle_changes_nothing(history: History) -> Occasions:
    """What ran goes on after a bundle that unpacks to more than a gibibyte."""
    for device, deadline, publication in deadlines(history, "settled"):
        before, look = device.look_before(publication.seq), device.look_after(deadline.seq)
        if publication.defect != "bundle-swollen" or not deadline.met or before is None or look is None:
            continue
        since = device.newest_before(publication.seq)
        if (since is None or since.seq < before.seq) and _bundle_was_fetched(device, publication):
            yield compared(look, observed(before), "served a bundle that unpacks to more than one gibibyte")


@judge("desired-state.foreign-url-not-called")
def foreign_authority_is_not_called(history: History) -> Occasions:
    """Nobody dials a place that a manifest names."""
    dials = [c for c in history.of(Connection) if c.credential.name == "decoy"]
    for device, deadline, publication in deadlines(history, "settled"):
        if publication.defect != "foreign-url" or not deadline.met:
            continue
        manifest = history.body(publication.manifest)
        dialled = [d for d in dials if d.seq > publication.seq and (d.failure or "?").encode() in manifest]
        if dialled:
            did = "served a manifest whose urls name another host and port"
            yield broken(dialled[0], did=did, expected="no connection to it", received="a connection")
        elif device.retrieved(publication):
            yield kept(deadline)


@judge("desired-state.version-refusal-reported")
def agent_says_where_it_stands(history: History) -> Occasions:
    """After a lower version each deployment that was adopted is reported once more."""
    for device, deadline, publication in deadlines(history, "stand-reported"):
        served = [view for view in device.retrieved(publication) if view.seq > publication.seq]
        good = device.good_before(publication.seq)
        if not served or good is None or not was_adopted(history, good):
            continue
        since, until = served[0].ended, deadline.at
        told = {v.parameters["deploymentId"] for v in device.asked("status") if since <= v.started <= until}
        missing = set(good.documents) - told
        if missing:
            did = f"served version {publication.version} after {good.version}, waited {deadline.bound:.1f} s"
            yield broken(deadline, did=did, expected=f"a report about {min(missing)}", received="none")
        else:
            yield kept(deadline)
