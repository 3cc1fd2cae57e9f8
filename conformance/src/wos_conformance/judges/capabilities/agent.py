"""How an agent announces its device (capabilities.md)."""

from collections.abc import Iterable, Iterator
from typing import Any

from wos_conformance.history import ExchangeView, History
from wos_conformance.judges.connectivity.agent import pause_of
from wos_conformance.judges.device import Device, devices
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.reading import same_json
from wos_conformance.specification import Specification


@judge("capabilities.announced-first")
def agent_announces_before_it_asks(history: History) -> Occasions:
    """After each start, also one by hand, the announcement comes before the first request for a manifest."""
    for device in devices(history):
        for started in [start.started for start in device.starts] or [0.0]:
            until = device.runs_until(started)
            mine = [view for view in device.exchanges if started <= view.started < until]
            polls = [view for view in mine if view.operation == "manifest"]
            if not polls:
                continue
            first = polls[0]
            if any(view.operation == "capabilities-put" and view.started <= first.started for view in mine):
                yield kept(first)
            elif not history.has_break_between(started, first.started):
                yield broken(first, did="started the agent", expected="PUT of its capabilities", received="GET first")


def _announcements(history: History) -> Iterator[tuple[ExchangeView, Any]]:
    return _read(history.exchanges("capabilities-put"))


def _read(views: Iterable[ExchangeView]) -> Iterator[tuple[ExchangeView, Any]]:
    for view in views:
        try:
            yield view, view.request_json()
        except ValueError:
            yield view, None


@judge("capabilities.body-valid")
def announcement_is_valid(history: History) -> Occasions:
    """The document keeps the schema."""
    for view, value in _announcements(history):
        if faults := Specification.load().errors("device-capabilities", value):
            yield broken(view, expected="a document that is valid by the schema", received="; ".join(faults[:3]))
        else:
            yield kept(view)


@judge("capabilities.path-names-device")
def path_names_the_device(history: History) -> Occasions:
    """The id in the document is the one in the path."""
    for view, value in _announcements(history):
        if not Specification.load().is_valid("device-capabilities", value):
            continue
        name = value["properties"]["id"]
        if view.parameters["deviceId"] == name:
            yield kept(view)
        else:
            yield broken(view, expected=f"device id {name!r} in the path", received=repr(view.parameters["deviceId"]))


HOSTING = (
    *("cpus", "memory", "storage", "peripherals", "interfaces"),
    *("otelCollector", "supportedRuntimes", "supportedDeploymentTypes"),
)


def hosting(device: Device) -> set[str]:
    """The device ids on which something was seen to run; what names no device runs on that of the agent."""
    own = str(device.announced().get("properties", {}).get("id"))
    entries = [entry for look in device.looks for entry in (look.response or {}).get("workloads") or []]
    return {str(entry.get("deviceId", own)) for entry in entries if isinstance(entry, dict)}


@judge("capabilities.hosting-complete")
def hosting_device_is_announced_in_full(history: History) -> Occasions:
    """A device on which something runs has all members of a hosting one."""
    for device in devices(history):
        hosts = hosting(device)
        for view, value in _read(device.asked("capabilities-put")):
            if not isinstance(value, dict) or view.parameters["deviceId"] not in hosts:
                continue
            if lacking := _lacking(value.get("properties")):
                yield broken(view, expected=f"a document with {', '.join(HOSTING)}", received=f"without {lacking}")
            else:
                yield kept(view)


def _lacking(properties: Any) -> list[str]:
    if not isinstance(properties, dict):
        return list(HOSTING)
    lacking = [name for name in HOSTING if name not in properties]
    lacking += ["otelCollector: true"] if properties.get("otelCollector") is False else []
    return lacking + [f"an entry in {name}" for name in HOSTING[6:] if properties.get(name) == []]


def patience(history: History, *names: str) -> float:
    """Three poll intervals and these declared values, in seconds."""
    declared = history.header.declared
    return 3 * declared.get("poll_interval", 0.0) + sum(declared.get(name, 0.0) for name in names)


@judge("capabilities.announcement-repeated")
def unheard_announcement_is_repeated(history: History) -> Occasions:
    """A document that was refused for a while, or not answered, comes again in time."""
    for device in devices(history):
        announced = device.asked("capabilities-put")
        for index, view in enumerate(announced):
            if view.status not in (None, 429, 500, 503) and not view.failure:
                continue
            bound = patience(history, "request_timeout", "max_backoff") + (pause_of(view) or 0.0)
            later = [v for v in announced[index + 1 :] if v.path == view.path]
            if later and later[0].started <= view.ended + bound:
                yield kept(later[0])
            elif device.runs_until(view.ended) > view.ended + bound < history.events[-1].at:
                did = f"answered a capabilities document with {view.status or view.failure}"
                received = f"again after {later[0].started - view.ended:.1f} s" if later else "not again"
                yield broken(view, did=did, expected=f"the document again within {bound:.1f} s", received=received)


@judge("capabilities.change-announced")
def changed_capabilities_are_announced(history: History) -> Occasions:
    """What the device offers from now on is told in time, when it is something else than before."""
    bound = patience(history, "request_timeout")
    changes = list(history.controls("set_capabilities"))
    for change in changes:
        started = [
            (start.seq, start, device)
            for device in devices(history)
            for start in device.starts
            if start.seq < change.seq
        ]
        if not started:
            continue
        seq, start, device = max(started, key=lambda entry: entry[0])
        *_, before = (start, *(earlier for earlier in changes if seq < earlier.seq < change.seq))
        if same_json(before.request.get("capabilities"), change.request["capabilities"]):
            continue
        for view in device.asked("capabilities-put"):
            if change.started <= view.started <= change.ended + bound and _says(view, change.request["capabilities"]):
                yield kept(view)
                break
        else:
            end = change.ended + bound
            lost = history.has_break_between(change.started, end)
            if device.runs_until(change.ended) > end < history.events[-1].at and not lost:
                expected = f"PUT of the new document within {bound:.1f} s"
                yield broken(change, did="changed what the device offers", expected=expected, received="none")


def _says(view: ExchangeView, document: Any) -> bool:
    try:
        return same_json(view.request_json(), document)
    except ValueError:
        return False
