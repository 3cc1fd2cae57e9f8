"""What an agent does with an error (errors.md, "What an agent does with an error")."""

from bisect import bisect_left

from wos_conformance.history import Control, ExchangeView, History
from wos_conformance.judges.device import Device, Running, devices, difference, observed, workloads_of
from wos_conformance.judges.judgement import Occasions, broken, judge, kept

_PERMANENT = (400, 413, 415, 422)
_BODIES = ("capabilities-put", "status")


@judge("errors.keeps-running")
def refused_body_changes_nothing(history: History) -> Occasions:
    """What ran, and is still wanted as it was, goes on after a document or a report was refused."""
    for device in devices(history):
        for view in device.exchanges:
            if view.operation not in _BODIES or (view.status or 0) < 400:
                continue
            for after, expected, found in _around(history, device, view):
                differs = difference(expected, found)
                if differs is None:
                    yield kept(after)
                else:
                    did = f"answered {view.method} {view.path[:60]} with {view.status}"
                    yield broken(after, did=did, expected="what ran before, unchanged", received=differs)


def _around(history: History, device: Device, view: ExchangeView) -> list[tuple[Control, Running, Running]]:
    """The look after an answer, and what of the deployments that nobody changed ran before it and runs then.

    A deployment that did not run as it was wanted before may still have been on its way.
    """
    at = bisect_left([look.seq for look in device.looks], view.seq)
    if at in (0, len(device.looks)) or not device.polled_after(view.seq):
        return []
    before, after = device.looks[at - 1], device.looks[at]
    last = device.newest_before(before.seq)
    others = [p for p in device.publications if before.seq < p.seq < after.seq]
    wanted = workloads_of(history, last) if last else {}
    same = {
        name
        for name, document in (last.documents if last else {}).items()
        if all(p.documents.get(name) == document for p in others)
        and difference(_of(name, wanted), _of(name, observed(before))) is None
    }
    expected, found = (
        {key: workload for key, workload in observed(look).items() if key[0] in same} for look in (before, after)
    )
    return [(after, expected, found)] if expected else []


def _of(deployment_id: str, running: Running) -> Running:
    return {key: workload for key, workload in running.items() if key[0] == deployment_id}


@judge("errors.permanent-not-repeated")
def refused_body_is_not_sent_again(history: History) -> Occasions:
    """The same bytes do not meet the same refusal again."""
    for device in devices(history):
        views = [view for view in device.exchanges if view.operation in _BODIES]
        for index, view in enumerate(views):
            if view.status not in _PERMANENT or not view.request_body or view.in_doubt:
                continue
            until = _until(device, view)
            again = [v for v in views[index + 1 :] if _is_same(view, v) and v.started < until]
            if again:
                did = f"answered {view.method} {view.path[:60]} with {view.status}"
                yield broken(again[0], did=did, expected="not the same body again", received="the same body")
            elif device.polled_after(view.seq):
                yield kept(view)


def _until(device: Device, view: ExchangeView) -> float:
    """When the agent has retrieved another manifest, or was started again; infinity if neither has happened."""
    starts = [start.started for start in device.starts if start.started > view.ended]
    manifests = [v.ended for v in device.asked("manifest") if v.status == 200 and v.ended > view.ended]
    return min([*starts, *manifests], default=float("inf"))


def _is_same(one: ExchangeView, other: ExchangeView) -> bool:
    return (one.method, one.path, one.request_body) == (other.method, other.path, other.request_body)
