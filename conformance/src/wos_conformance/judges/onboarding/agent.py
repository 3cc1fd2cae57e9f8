"""How an agent leaves a WOS and comes to another one (onboarding.md)."""

from collections.abc import Iterator

from wos_conformance.history import Control, History
from wos_conformance.judges.device import Device, devices, difference, observed
from wos_conformance.judges.judgement import Occasions, broken, judge, kept


def _moves(history: History) -> Iterator[tuple[Control, Device, Device]]:
    """Releases with the device as its former WOS knew it and as the next one does."""
    for release in history.controls("release"):
        same = [d for d in devices(history) if d.state == str(release.request.get("state", ""))]
        former = [d for d in same if d.starts and d.starts[0].seq < release.seq]
        later = [d for d in same if d.starts and d.starts[0].seq > release.seq]
        if former and later:
            yield release, former[-1], later[0]


@judge("onboarding.release-forgets")
def nothing_of_the_former_wos_is_told(history: History) -> Occasions:
    """No tag and no report of the former WOS reaches the next one, whose first version is taken."""
    for _, former, later in _moves(history):
        yield from _no_tag(later)
        yield from _no_report(former, later)
        yield from _first_version(history, later)


def _no_tag(later: Device) -> Occasions:
    for view in later.asked("manifest"):
        tag = view.request_header("if-none-match")
        if tag is not None:
            yield broken(view, expected="no tag, since this WOS has served none", received=tag)
        else:
            yield kept(view)
        if view.status == 200:
            return


def _no_report(former: Device, later: Device) -> Occasions:
    known = {name for publication in former.publications for name in publication.documents}
    for view in later.asked("status"):
        name = view.parameters["deploymentId"]
        if name in known:
            yield broken(view, expected="no report about a deployment of the former WOS", received=name)
        else:
            yield kept(view)


def _first_version(history: History, later: Device) -> Occasions:
    good = [p for p in later.publications if p.defect is None and p.documents]
    for publication in good[:1]:
        names = {v.parameters["deploymentId"] for v in later.asked("status") if v.seq > publication.seq}
        if names & set(publication.documents):
            yield kept(publication)
        elif later.retrieved(publication) and history.events[-1].seq > publication.seq + 1:
            did = f"published version {publication.version} as the next WOS"
            yield broken(publication, did=did, expected="a report about what it names", received="none")


@judge("onboarding.release-keeps-running")
def release_changes_nothing_that_runs(history: History) -> Occasions:
    """From the release until the next WOS has served a manifest, the workloads are the same."""
    for release, former, later in _moves(history):
        looks = sorted([*former.looks, *later.looks], key=lambda look: look.seq)
        before = [look for look in looks if look.seq < release.seq]
        served = [view.seq for view in later.asked("manifest") if view.status == 200]
        until = served[0] if served else float("inf")
        for look in (look for look in looks if release.seq < look.seq < until and before):
            differs = difference(observed(before[-1]), observed(look))
            if differs is None:
                yield kept(look)
            else:
                yield broken(look, did="released the device", expected="what ran before", received=differs)
