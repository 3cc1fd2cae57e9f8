"""What an agent reports when something went wrong (status.md, "Errors")."""

from collections.abc import Callable, Iterator
from typing import Any

from wos_conformance.history import Deadline, History, Publication
from wos_conformance.judges.device import Device, deadlines, devices
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.status.report import Report, changed, reports

_PASSING = ("retrieval-failed", "verification-failed")
_OF_GATEWAY = ("101", "102", "103")
Judge = Callable[[History], Iterator[Judgement]]


@judge("status.failure-explained")
def failure_has_an_error(history: History) -> Occasions:
    """Code, source and message are there."""
    for device in devices(history):
        for report in reports(device):
            if report.state != "failed":
                continue
            error = report.value["status"].get("error")
            told = error if isinstance(error, dict) else {}
            if all(isinstance(told.get(name), str) and told[name] for name in ("code", "source", "message")):
                yield kept(report.view)
            else:
                yield broken(report.view, expected="an error with code, source and message", received=f"{error}")


@judge("status.error-source")
def component_is_the_source(history: History) -> Occasions:
    """No error of a component names anything else."""
    for device in devices(history):
        for report in reports(device):
            explained = [component for component in report.value["components"] if component.get("error")]
            wrong = {c["name"]: c["error"].get("source") for c in report.value["components"] if _misnamed(c)}
            if wrong:
                name, found = next(iter(wrong.items()))
                yield broken(report.view, expected=f"source {name!r}", received=repr(found))
            elif explained:
                yield kept(report.view)


def _misnamed(component: dict[str, Any]) -> bool:
    error = component.get("error")
    is_own = isinstance(error, dict) and error.get("code") not in _OF_GATEWAY
    return is_own and error.get("source") != component["name"]  # type: ignore[union-attr]


@judge("status.failed-stays")
def failed_installation_stays_failed(history: History) -> Occasions:
    """Nothing but `failed` and `removing` follows until the deployment is wanted anew."""
    for device in devices(history):
        said: dict[str, list[Report]] = {}
        for report in reports(device):
            said.setdefault(report.deployment_id, []).append(report)
        for all_of_one in said.values():
            yield from _stays(device, all_of_one)


def _stays(device: Device, said: list[Report]) -> Occasions:
    for index, report in enumerate(said):
        was_removing = index > 0 and said[index - 1].state == "removing"
        if report.state != "failed" or report.code in _PASSING or was_removing:
            continue
        following = said[index + 1] if index + 1 < len(said) else None
        if following is None or following.state in ("failed", "removing"):
            if device.polled_after(report.view.seq):
                yield kept(report.view)
        elif not _wanted_anew(device, report, following):
            expected = "'failed' until it has changed, has left, or the agent was started again"
            yield broken(following.view, did="read 'failed'", expected=expected, received=repr(following.state))


def _wanted_anew(device: Device, failed: Report, following: Report) -> bool:
    begin, end, name = failed.view.started, following.view.ended, failed.deployment_id
    if any(begin <= start.started <= end for start in device.starts):
        return True
    named = device.published(failed.version, name, failed.view.ended)
    digest = named.documents[name].digest if named else None
    return any(
        name not in publication.documents or publication.documents[name].digest != digest
        for publication in device.publications
        if any(begin <= view.ended <= end for view in device.retrieved(publication))
    )


def failures_told(
    device: Device, deadline: Deadline, publication: Publication, names: set[str], code: str | None
) -> Occasions:
    """Whether each of these deployments was reported as failed, with this code or any, by the deadline."""
    told = {
        report.deployment_id: report
        for report in reports(device)
        if report.state == "failed"
        and code in (None, report.code)
        and report.version == publication.version
        and publication.at <= report.view.started <= deadline.at
    }
    for name in sorted(names):
        if name in told:
            yield kept(told[name].view)
            continue
        heard = [f"{r.state} {r.code}".strip() for r in reports(device) if r.deployment_id == name]
        did = f"published version {publication.version}, waited {deadline.bound:.1f} s"
        expected = f"a report 'failed'{f' with the code {code!r}' if code else ''} for {name}"
        yield broken(deadline, did=did, expected=expected, received=f"reports {heard[-5:]}")


def _told(defect: str, code: str) -> Judge:
    def failure_to_obtain_is_reported(history: History) -> Occasions:
        """In time, with the code, for each new or changed deployment."""
        for device, deadline, publication in deadlines(history, "failed-reported"):
            if publication.defect == defect and device.retrieved(publication):
                names = changed(publication, device.good_before(publication.seq))
                yield from failures_told(device, deadline, publication, names, code)

    return failure_to_obtain_is_reported


judge("status.unverified-reported")(_told("all-digests-wrong", "verification-failed"))
judge("status.unretrieved-reported")(_told("artifacts-missing", "retrieval-failed"))
