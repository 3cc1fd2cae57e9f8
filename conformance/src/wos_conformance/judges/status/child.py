"""What a gateway reports about deployments on its children (status.md, "Behind a gateway"; deployment.md)."""

from collections.abc import Iterator

from wos_conformance.history import History
from wos_conformance.judges.capabilities.children import children_of, device_id
from wos_conformance.judges.device import Device, deadlines, devices
from wos_conformance.judges.document import document_of
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.status.failure import failures_told
from wos_conformance.judges.status.report import Report, reports

_OF_GATEWAY = ("101", "102", "103")


def _meant_for(history: History, device: Device) -> Iterator[tuple[Report, str]]:
    """Reports with the device for which the document of the deployment is meant."""
    for report in reports(device):
        publication = device.published(report.version, report.deployment_id, report.view.ended)
        if publication is None:
            continue
        document = document_of(history.body(publication.documents[report.deployment_id].body)) or {}
        metadata = document.get("metadata")
        if isinstance(metadata, dict):
            yield report, str(metadata.get("deviceId", ""))


def _children(device: Device) -> set[str]:
    return {name for start in device.starts for name in children_of(start)}


@judge("status.child-named")
def child_is_named(history: History) -> Occasions:
    """A report about a deployment on a child has its whole id."""
    for device in devices(history):
        children = _children(device)
        for report, name in _meant_for(history, device):
            if name not in children:
                continue
            found = report.value.get("deviceId")
            if found == name:
                yield kept(report.view)
            else:
                yield broken(report.view, expected=f"deviceId {name!r}", received=repr(found))


@judge("deployment.any-child-answered")
def chosen_child_is_named(history: History) -> Occasions:
    """A report about a deployment for any child names one that was announced, or says 103."""
    for device in devices(history):
        children = _children(device)
        for report, name in _meant_for(history, device):
            if not name.endswith("/*"):
                continue
            found = report.value.get("deviceId")
            if found in children or (report.state == "failed" and report.code == "103"):
                yield kept(report.view)
            else:
                expected = f"one of {sorted(children)}, or 'failed' with the code '103'"
                yield broken(report.view, expected=expected, received=f"{report.state!r} with deviceId {found!r}")


@judge("deployment.unknown-child-101")
def unknown_child_is_reported(history: History) -> Occasions:
    """A deployment for a child that is not there fails with the code 101 in time."""
    for device, deadline, publication in deadlines(history, "failed-reported"):
        names = {name for name, why in publication.hopeless.items() if why == "unknown-child"}
        if publication.defect is None and device.retrieved(publication):
            yield from failures_told(device, deadline, publication, names, "101")


@judge("status.gateway-error-source")
def gateway_is_the_source(history: History) -> Occasions:
    """An error of the gateway names the gateway."""
    for device in devices(history):
        own = device_id(device.announced())
        for report in reports(device):
            errors = [report.value["status"].get("error"), *(c.get("error") for c in report.value["components"])]
            for error in errors:
                if not isinstance(error, dict) or error.get("code") not in _OF_GATEWAY:
                    continue
                if error.get("source") == own:
                    yield kept(report.view)
                else:
                    yield broken(report.view, expected=f"source {own!r}", received=repr(error.get("source")))
