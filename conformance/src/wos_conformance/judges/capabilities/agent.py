"""How an agent announces its device (capabilities.md)."""

from collections.abc import Iterator
from typing import Any

from wos_conformance.history import ExchangeView, History
from wos_conformance.judges.device import devices
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.specification import Specification


@judge("capabilities.announced-first")
def agent_announces_before_it_asks(history: History) -> Occasions:
    """After each start, the announcement comes before the first request for a manifest."""
    for device in devices(history):
        for start in device.starts:
            until = device.runs_until(start.started)
            mine = [view for view in device.exchanges if start.started <= view.started < until]
            polls = [view for view in mine if view.operation == "manifest"]
            if not polls:
                continue
            first = polls[0]
            if any(view.operation == "capabilities-put" and view.started <= first.started for view in mine):
                yield kept(first)
            else:
                yield broken(first, did="started the agent", expected="PUT of its capabilities", received="GET first")


def _announcements(history: History) -> Iterator[tuple[ExchangeView, Any]]:
    for view in history.exchanges("capabilities-put"):
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
