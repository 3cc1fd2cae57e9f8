"""Where an agent keeps out of the work of others (boundary.md)."""

import re
from collections.abc import Iterator
from typing import Any

from wos_conformance.history import Connection, Control, ExchangeView, History, Publication
from wos_conformance.judges.deployment.agent import not_run
from wos_conformance.judges.device import Device, deadlines, devices, observed, workloads_of
from wos_conformance.judges.document import document_of
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.reading import same_json
from wos_conformance.judges.status.failure import failures_told
from wos_conformance.judges.unchanged import keeps_running

_INSIDE = {"node", "nodes", "nodeName", "pod", "pods", "podName"}
_STRUCK_OUT = re.compile(rb"\*{16,}")
_TELLING = 16

judge("boundary.other-device-not-run")(not_run("other-device"))


@judge("boundary.unlisted-type-failed")
def unlisted_type_is_reported_as_failed(history: History) -> Occasions:
    """A deployment of a type that the device does not offer is reported as failed in time."""
    for device, deadline, publication in deadlines(history, "failed-reported"):
        names = {name for name, why in publication.hopeless.items() if why == "unlisted-type"}
        if publication.defect is None and device.retrieved(publication):
            yield from failures_told(device, deadline, publication, names, None)


@judge("boundary.offer-announced-unchanged")
def offer_is_announced_as_it_was_given(history: History) -> Occasions:
    """The first document of the own device after a start is the one that the agent was given."""
    for device in devices(history):
        for start in device.starts:
            given, until = start.request.get("capabilities"), device.runs_until(start.started)
            if not isinstance(given, dict):
                continue
            own = given["properties"]["id"]
            puts = (v for v in device.asked("capabilities-put") if start.started <= v.started < until)
            told = [view for view in puts if view.parameters["deviceId"] == own]
            if not told:
                continue
            if same_json(_body(told[0]), given):
                yield kept(told[0])
            else:
                received = told[0].request_body.decode("utf-8", "replace")[:300]
                yield broken(told[0], expected=f"{given}"[:300], received=received)


def _body(view: ExchangeView) -> Any:
    try:
        return view.request_json()
    except ValueError:
        return None


@judge("boundary.cluster-inside-unreported")
def reports_tell_nothing_from_inside_a_cluster(history: History) -> Occasions:
    """No member names a node or a pod."""
    for device in devices(history):
        for view in device.asked("status"):
            if found := sorted(_INSIDE & set(_names(_body(view)))):
                yield broken(view, expected="nothing about the inside of a cluster", received=f"members {found}")
            else:
                yield kept(view)


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    for inner in value if isinstance(value, list) else []:
        yield from _names(inner)


@judge("boundary.redirect-not-followed")
def redirect_to_another_authority_is_not_followed(history: History) -> Occasions:
    """Nobody dials the place that a redirect names."""
    dials = [c for c in history.of(Connection) if c.credential.name == "decoy"]
    for device in devices(history):
        for view in device.exchanges:
            location = view.header("location") or ""
            if view.status is None or not 300 <= view.status < 400 or not location.startswith("https://"):
                continue
            dialled = [d for d in dials if d.seq > view.seq and d.failure and location.startswith(d.failure)]
            if dialled:
                did = f"answered {view.method} {view.path[:40]} with {view.status} and Location: {location}"
                yield broken(dialled[0], did=did, expected="no connection to it", received="a connection")
            elif device.polled_after(view.seq):
                yield kept(view)


@judge("boundary.refusal-keeps-running")
def refusal_is_no_order(history: History) -> Occasions:
    """What runs goes on after 401, 403 and 404 to a request for the manifest."""
    for device in devices(history):
        for view in device.asked("manifest"):
            if view.status in (401, 403, 404):
                did = f"answered a request for the manifest with {view.status}"
                yield from keeps_running(device, view.seq, view.seq, did)


@judge("boundary.no-return-to-older")
def older_revision_does_not_come_back(history: History) -> Occasions:
    """After a newer revision was seen to run, an older one does not run again, whatever goes wrong."""
    adopted: dict[Device, list[tuple[int, Publication]]] = {}
    for device, deadline, publication in deadlines(history, "adopted"):
        if deadline.met and publication.defect is None:
            adopted.setdefault(device, []).append((deadline.seq, publication))
    for device, seen in adopted.items():
        for look, newest, older in _looks_after(history, device, seen):
            if newest is device.good_before(look.seq):
                yield from _compared_with_older(history, newest, older, look)


_Revisions = dict[tuple[str, str], set[str]]
"""For each component the revisions that it has had."""


def _looks_after(
    history: History, device: Device, adopted: list[tuple[int, Publication]]
) -> Iterator[tuple[Control, Publication, _Revisions]]:
    """Looks at what runs, with what was adopted last before them, and the revisions of all that was before that."""
    older: _Revisions = {}
    position = 0
    for look in device.looks:
        while position < len(adopted) and adopted[position][0] < look.seq:
            for key, workload in workloads_of(history, adopted[position - 1][1]).items() if position else ():
                older.setdefault(key, set()).add(workload.revision)
            position += 1
        if position:
            yield look, adopted[position - 1][1], older


def _compared_with_older(history: History, newest: Publication, older: _Revisions, look: Control) -> Occasions:
    running = observed(look)
    for key, wanted in workloads_of(history, newest).items():
        before = older.get(key, set()) - {wanted.revision}
        found = running.get(key)
        if not before or found is None:
            continue
        if found.revision in before:
            did = f"saw version {newest.version} adopted, then let something go wrong"
            yield broken(look, did=did, expected=str(wanted), received=f"{found}, an older revision")
        else:
            yield kept(look)


@judge("boundary.key-stays")
def private_key_is_not_told(history: History) -> Occasions:
    """No request holds a part of the private key; the recorder strikes such parts out as it writes them."""
    for device in devices(history):
        for view in device.exchanges:
            if not view.request_body:
                continue
            if _STRUCK_OUT.search(view.request_body) or _STRUCK_OUT.search(view.exchange.request.head.encode()):
                yield broken(view, expected="nothing of the private key", received="a part of it, struck out here")
            else:
                yield kept(view)


@judge("boundary.parameter-values-stay")
def values_of_parameters_are_not_told(history: History) -> Occasions:
    """A text that came as the value of a parameter does not come back in any request."""
    for device in devices(history):
        for publication in device.publications:
            if not device.retrieved(publication):
                continue
            for text in sorted(_texts(history, publication)):
                yield from _stays(device, publication.seq, text)


def _texts(history: History, publication: Any) -> set[str]:
    found: set[str] = set()
    for document in publication.documents.values():
        spec = (document_of(history.body(document.body)) or {}).get("spec")
        parameters = spec.get("parameters") if isinstance(spec, dict) else None
        for parameter in parameters.values() if isinstance(parameters, dict) else []:
            value = parameter.get("value")
            found |= {value} if isinstance(value, str) and len(value) >= _TELLING else set()
    return found


def _stays(device: Device, since: int, text: str) -> Occasions:
    later = [view for view in device.exchanges if view.seq > since]
    told = [v for v in later if text in v.exchange.request.head or text.encode() in v.request_body]
    if told:
        yield broken(told[0], expected="no value of a parameter", received=f"the value {text!r}")
    elif later:
        yield kept(later[-1])
