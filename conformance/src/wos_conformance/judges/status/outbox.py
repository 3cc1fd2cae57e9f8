"""Reports that were not answered (status.md, "In which order, and when nobody listens")."""

from itertools import pairwise

from wos_conformance.history import Control, ExchangeView, History
from wos_conformance.judges.connectivity.agent import pause_of
from wos_conformance.judges.device import Device, devices
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.status.report import Report, reports


def _patience(history: History) -> float:
    declared = history.header.declared
    return (
        declared.get("max_backoff", 0.0) + 3 * declared.get("poll_interval", 0.0) + declared.get("request_timeout", 0.0)
    )


@judge("status.repeated-after-failure")
def unheard_report_is_repeated(history: History) -> Occasions:
    """A report that was not taken comes again."""
    patience = _patience(history)
    for device in devices(history):
        said = reports(device)
        for index, report in enumerate(said):
            if report.view.status not in (None, 429, 503):
                continue
            later = [r for r in said[index + 1 :] if r.deployment_id == report.deployment_id]
            end = report.view.ended + patience + (pause_of(report.view) or 0.0)
            if later and later[0].value == report.value:
                yield kept(later[0].view)
            elif later or (device.runs_until(report.view.ended) > end and history.events[-1].at > end):
                received = f"{later[0].state!r} next" if later else f"nothing within {end - report.view.ended:.1f} s"
                did = f"did not take the report {report.state!r}"
                yield broken(report.view, did=did, expected="the same report again", received=received)


@judge("status.one-at-a-time")
def reports_of_a_deployment_do_not_overlap(history: History) -> Occasions:
    """The next report about a deployment begins when the one before has been answered."""
    for device in devices(history):
        by_deployment: dict[str, list[ExchangeView]] = {}
        for view in sorted(device.asked("status"), key=lambda view: view.started):
            by_deployment.setdefault(view.parameters["deploymentId"], []).append(view)
        for views in by_deployment.values():
            for before, view in pairwise(views):
                if view.started >= before.ended:
                    yield kept(view)
                elif not before.was_left:
                    received = f"{before.ended - view.started:.3f} s before the answer to the one of event {before.seq}"
                    expected = "a report after the answer to the one before"
                    yield broken(view, expected=expected, received=received)


def _is_in_line(view: ExchangeView) -> bool:
    """Whether a report stays in the outbox; a 2xx takes it from there, and most refusals make the agent drop it."""
    return view.status is None or bool(view.failure) or view.status in (401, 403, 429) or view.status >= 500


@judge("status.survives-power-cut")
def unheard_report_survives_a_power_cut(history: History) -> Occasions:
    """What stood in the outbox when the power failed is reported after the start."""
    for device in devices(history):
        said = reports(device)
        for cut in device.cuts:
            start = next((start for start in device.starts if start.seq > cut.seq), None)
            if start is not None:
                yield from _told_after(history, device, said, cut, start)


def _told_after(history: History, device: Device, said: list[Report], cut: Control, start: Control) -> Occasions:
    last = {report.deployment_id: report for report in said if report.view.seq < cut.seq}
    end = start.ended + _patience(history)
    for name, report in last.items():
        if not _is_in_line(report.view):
            continue
        later = [r for r in said if r.deployment_id == name and r.view.started >= start.started]
        if later and later[0].view.started <= end:
            yield kept(later[0].view)
        elif device.runs_until(start.ended) > end < history.events[-1].at:
            if history.has_fault_between(start.started, end):
                continue
            did = f"did not take the report {report.state!r}, cut the power and started the agent"
            received = f"after {later[0].view.started - start.ended:.1f} s" if later else "none"
            expected = f"a report about {name} within {end - start.ended:.1f} s"
            yield broken(report.view, did=did, expected=expected, received=received)
