"""How a gateway announces itself and its children (capabilities.md, "Gateways")."""

from collections.abc import Iterator
from typing import Any

from wos_conformance.history import Control, ExchangeView, History
from wos_conformance.judges.capabilities.agent import HOSTING, hosting, patience
from wos_conformance.judges.device import Device, devices
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.reading import has_problem


def device_id(document: Any) -> str:
    """The id in a capabilities document; empty when there is none."""
    properties = document.get("properties") if isinstance(document, dict) else None
    return str(properties.get("id", "")) if isinstance(properties, dict) else ""


def children_of(control: Control) -> set[str]:
    """The ids of the children that a verb names."""
    named = control.request.get("children")
    return {device_id(child) for child in named} if isinstance(named, list) else set()


def _puts(device: Device, since: float, until: float = float("inf")) -> list[ExchangeView]:
    return [view for view in device.asked("capabilities-put") if since <= view.started < until]


def _gateways(history: History) -> Iterator[tuple[Device, Control, str, set[str]]]:
    """Starts of agents in front of children: the device, the start, its own id, and those of the children."""
    for device in devices(history):
        for start in device.starts:
            if names := children_of(start):
                yield device, start, device_id(start.request.get("capabilities")), names


@judge("capabilities.slashes-raw")
def slashes_stand_in_the_path(history: History) -> Occasions:
    """The id of a child is in the path as it is."""
    for view in history.exchanges("capabilities-put"):
        if "/" not in view.parameters["deviceId"]:
            continue
        if "%2f" in view.path.lower():
            yield broken(view, expected="slashes as they are", received=view.path)
        else:
            yield kept(view)


@judge("capabilities.gateway-first")
def gateway_comes_before_its_children(history: History) -> Occasions:
    """After each start the gateway is announced before the first child."""
    for device, start, own, names in _gateways(history):
        told = _puts(device, start.started, device.runs_until(start.started))
        first = next((view for view in told if view.parameters["deviceId"] in names), None)
        if first is None:
            continue
        if any(view.parameters["deviceId"] == own and view.started < first.started for view in told):
            yield kept(first)
        else:
            yield broken(first, did="started a gateway", expected=f"PUT of {own!r} first", received="PUT of a child")


@judge("capabilities.children-announced")
def all_children_are_announced(history: History) -> Occasions:
    """Each child is announced in time after a start."""
    bound = patience(history, "request_timeout")
    for device, start, _, names in _gateways(history):
        end = start.ended + bound
        told = {view.parameters["deviceId"] for view in _puts(device, start.started, end)}
        if names <= told:
            yield kept(start)
        elif device.runs_until(start.started) > end < history.events[-1].at:
            received = f"nothing about {min(names - told)!r}"
            yield broken(start, did="started a gateway", expected=f"PUT of {sorted(names)}", received=received)


@judge("capabilities.child-withdrawn")
def missing_child_is_withdrawn(history: History) -> Occasions:
    """A child that is no longer there is deleted in time."""
    bound = patience(history, "request_timeout")
    for device, start, _, known in _gateways(history):
        until = device.runs_until(start.started)
        for change in history.controls("set_capabilities"):
            if not start.ended <= change.started < until or "children" not in change.request:
                continue
            for name in sorted(known - children_of(change)):
                deleted = [v for v in device.asked("capabilities-delete") if v.parameters["deviceId"] == name]
                if any(change.started <= view.started <= change.ended + bound for view in deleted):
                    yield kept(change)
                elif until > change.ended + bound < history.events[-1].at:
                    expected = f"DELETE of {name!r} within {bound:.1f} s"
                    yield broken(change, did="took a child away", expected=expected, received="none")
            known = children_of(change)


@judge("capabilities.see-through-identity-only")
def see_through_gateway_offers_nothing(history: History) -> Occasions:
    """A gateway on which nothing runs, and which was given identity alone, has no member of a hosting device."""
    for device, start, own, _ in _gateways(history):
        given = start.request["capabilities"].get("properties", {})
        if own in hosting(device) or any(name in given for name in HOSTING):
            continue
        for view in _puts(device, start.started, device.runs_until(start.started)):
            if view.parameters["deviceId"] != own:
                continue
            found = [name for name in HOSTING if name in _properties(view)]
            if found:
                yield broken(view, expected="identity alone", received=f"members {found}")
            else:
                yield kept(view)


def _properties(view: ExchangeView) -> dict[str, Any]:
    try:
        value = view.request_json()
    except ValueError:
        return {}
    properties = value.get("properties") if isinstance(value, dict) else None
    return properties if isinstance(properties, dict) else {}


@judge("capabilities.parent-unknown-recovered")
def unknown_gateway_is_announced_again(history: History) -> Occasions:
    """After `gateway-not-found` the gateway is announced, then the child, in time."""
    bound = patience(history, "request_timeout")
    for device, start, own, names in _gateways(history):
        until = device.runs_until(start.started)
        for view in _puts(device, start.started, until):
            name = view.parameters["deviceId"]
            if name not in names or not has_problem(view, 404, "gateway-not-found"):
                continue
            later = _puts(device, view.ended, view.ended + bound)
            parents = [v.started for v in later if v.parameters["deviceId"] == own]
            if parents and any(v.parameters["deviceId"] == name and v.started > parents[0] for v in later):
                yield kept(view)
            elif until > view.ended + bound < history.events[-1].at:
                expected = f"PUT of {own!r}, then of {name!r}, within {bound:.1f} s"
                received = f"PUT of {[v.parameters['deviceId'] for v in later]}"
                yield broken(view, did="said that the gateway is unknown", expected=expected, received=received)
