"""What an agent reports (status.md)."""

from collections.abc import Iterator

from wos_conformance.history import Control, ExchangeView, History, Publication
from wos_conformance.judges.device import Device, components_of, deadlines, devices, observed
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.status.machine import followers, severity
from wos_conformance.judges.status.report import Report, changed, reports, reports_about
from wos_conformance.specification import Specification


@judge("status.body-valid")
def report_is_valid(history: History) -> Occasions:
    """A report keeps the schema."""
    for view in history.exchanges("status"):
        try:
            faults = Specification.load().errors("deployment-status", view.request_json())
        except ValueError as error:
            faults = [str(error)]
        if faults:
            yield broken(view, expected="a document that is valid by the schema", received="; ".join(faults[:3]))
        else:
            yield kept(view)


@judge("status.path-names-deployment")
def path_names_the_deployment(history: History) -> Occasions:
    """The id in the report is the one in the path."""
    for device in devices(history):
        for report in reports(device):
            found = report.view.parameters["deploymentId"]
            if found == report.deployment_id:
                yield kept(report.view)
            else:
                yield broken(report.view, expected=f"{report.deployment_id} in the path", received=found)


@judge("status.legal-order")
def states_follow_the_table(history: History) -> Occasions:
    """Each state may follow the one before."""
    for device in devices(history):
        last: dict[str, Report] = {}
        for report in reports(device):
            before = last.get(report.deployment_id)
            last[report.deployment_id] = report
            was = f"{before.state!r} at version {before.version}" if before else "nothing"
            newer = before is not None and report.version > before.version
            allowed = followers(before.state if before else "nothing", newer=newer)
            if report.state in allowed or (before is not None and report.state == before.state):
                yield kept(report.view)
                continue
            did = f"read the reports of deployment {report.deployment_id}"
            received = f"{report.state!r} at version {report.version}, after {was}"
            yield broken(report.view, did=did, expected=f"one of {sorted(allowed)}", received=received)


def _reported(history: History, what: str, state: str) -> Occasions:
    for device, deadline, publication in deadlines(history, what):
        before = device.good_before(publication.seq)
        gone = _known(device, publication, set(before.documents) - set(publication.documents)) if before else set()
        wanted = changed(publication, before) - set(publication.hopeless) if state == "installed" else gone
        if publication.defect is not None or not wanted:
            continue
        told = {
            name: report
            for name in wanted
            for report in reports_about(device).get(name, [])
            if report.state == state
            and publication.at <= report.view.ended
            and report.view.started <= deadline.at
            and (state == "removed" or report.version >= publication.version)
        }
        missing = wanted - set(told)
        if not missing:
            yield from (kept(told[name].view) for name in sorted(wanted))
        elif not history.has_fault_between(publication.at, deadline.at):
            did = f"published version {publication.version}, waited {deadline.bound:.1f} s"
            expected = f"a report {state!r} for {min(missing)}"
            yield broken(deadline, did=did, expected=expected, received=_heard(device, min(missing), publication))


def _known(device: Device, publication: Publication, names: set[str]) -> set[str]:
    """Those deployments of which the agent had spoken before a publication, unless it said last that they are gone."""
    about = reports_about(device)
    said = {name: [r for r in about.get(name, []) if r.view.started < publication.at] for name in names}
    return {name for name, told in said.items() if told and told[-1].state != "removed"}


def _heard(device: Device, name: str, publication: Publication) -> str:
    heard = [
        f"{report.state} ({report.version})"
        for report in reports_about(device).get(name, [])
        if report.view.ended >= publication.at
    ]
    return f"reports {heard[-6:]}" if heard else "no report about it"


@judge("status.installed-reported")
def installation_is_reported(history: History) -> Occasions:
    """What was published is reported as installed in time."""
    return _reported(history, "installed-reported", "installed")


@judge("status.removed-reported")
def removal_is_reported(history: History) -> Occasions:
    """What has left the manifest is reported as removed in time."""
    return _reported(history, "removed-reported", "removed")


def _named(device: Device, report: Report) -> Publication | None:
    """The publication that a report is about."""
    return device.published(report.version, report.deployment_id, report.view.ended)


@judge("status.not-before-retrieval")
def nothing_is_installed_before_it_is_there(history: History) -> Occasions:
    """A revision is installed after its document was retrieved."""
    for device in devices(history):
        for report in reports(device):
            publication = _named(device, report)
            if publication is None or report.state not in ("installing", "installed"):
                continue
            digest = publication.documents[report.deployment_id].digest
            if any(_brings(device, view, report.deployment_id, digest) for view in _before(device, report)):
                yield kept(report.view)
            else:
                did = f"published version {report.version}"
                expected = f"a download of document {digest}, or of a bundle with it, before {report.state!r}"
                yield broken(report.view, did=did, expected=expected, received="no such download")


def _before(device: Device, report: Report) -> Iterator[ExchangeView]:
    return (v for v in device.exchanges if v.ended <= report.view.ended and v.status == 200 and v.complete)


def _brings(device: Device, view: ExchangeView, deployment_id: str, digest: str) -> bool:
    if view.operation == "document":
        return view.parameters == {"deploymentId": deployment_id, "digest": digest}
    if view.operation != "bundle":
        return False
    return any(
        publication.bundle is not None
        and publication.bundle.digest == view.parameters["digest"]
        and deployment_id in publication.documents
        and publication.documents[deployment_id].digest == digest
        for publication in device.publications
    )


def _looks(device: Device) -> Iterator[tuple[Control, dict[str, Report]]]:
    """Each look at what runs, with the last report about each deployment that was answered by then."""
    said = sorted(enumerate(reports(device)), key=lambda report: report[1].view.ended)
    last: dict[str, tuple[int, Report]] = {}
    position = 0
    for look in sorted(device.looks, key=lambda look: look.started):
        while position < len(said) and said[position][1].view.ended <= look.started:
            name = said[position][1].deployment_id
            last[name] = max(last.get(name, said[position]), said[position], key=lambda known: known[0])
            position += 1
        yield look, {name: report for name, (_, report) in last.items()}


@judge("status.tells-the-truth")
def installed_means_running(history: History) -> Occasions:
    """What is reported as installed runs."""
    for device in devices(history):
        for look, last in _looks(device):
            newest = device.newest_before(look.seq)
            running = observed(look)
            for report in last.values():
                publication = _named(device, report)
                if report.state != "installed" or publication is None or newest is None:
                    continue
                document = publication.documents[report.deployment_id]
                now = newest.documents.get(report.deployment_id)
                if now is None or now.digest != document.digest:
                    continue
                wanted = components_of(report.deployment_id, history.body(document.body))
                missing = [str(w) for w in wanted if (w.deployment_id, w.component) not in running]
                if missing:
                    did = f"looked at what runs after the report 'installed' of event {report.view.seq}"
                    yield broken(look, did=did, expected="all its components", received=f"{missing} do not run")
                else:
                    yield kept(look)


@judge("status.components-complete")
def every_component_is_listed_once(history: History) -> Occasions:
    """One entry for each component, and no other."""
    for device in devices(history):
        for report in reports(device):
            if (publication := _named(device, report)) is None or not report.value["components"]:
                continue
            content = history.body(publication.documents[report.deployment_id].body)
            expected = sorted(workload.component for workload in components_of(report.deployment_id, content))
            found = sorted(component["name"] for component in report.value["components"])
            if found == expected:
                yield kept(report.view)
            else:
                yield broken(report.view, expected=f"components {expected}", received=f"{found}")


@judge("status.most-severe-state")
def overall_state_is_the_most_severe(history: History) -> Occasions:
    """The state of a deployment follows from those of its components."""
    for device in devices(history):
        for report in reports(device):
            states = {component["state"] for component in report.value["components"]}
            if not states:
                continue
            expected = min(states, key=severity().index)
            if report.state == expected:
                yield kept(report.view)
            else:
                received = f"{report.state!r} with components {sorted(states)}"
                yield broken(report.view, expected=repr(expected), received=received)


def _retrieved(device: Device, publication: Publication, report: Report) -> bool:
    return any(view.ended <= report.view.ended for view in device.retrieved(publication))


@judge("status.adopted-version")
def adopted_version_was_retrieved(history: History) -> Occasions:
    """The version is that of a manifest which the agent has seen and which names the deployment."""
    for device in devices(history):
        for report in reports(device):
            publication = _named(device, report)
            if publication is not None and _retrieved(device, publication, report):
                yield kept(report.view)
            else:
                known = sorted(p.version for p in device.publications if report.deployment_id in p.documents)
                expected = f"a retrieved version that names it, of {known}"
                yield broken(report.view, expected=expected, received=f"adoptedManifestVersion {report.version}")


@judge("status.adopted-version-advances")
def adopted_version_advances(history: History) -> Occasions:
    """The last report after an update is about the new revision."""
    for device, deadline, publication in deadlines(history, "adopted"):
        if not deadline.met or publication.defect is not None:
            continue
        until = device.replaced_at(publication)
        for name in sorted(changed(publication, device.good_before(publication.seq))):
            said = [
                report
                for report in reports_about(device).get(name, [])
                if report.state == "installed"
                and publication.at <= report.view.started
                and report.view.ended < until
                and _retrieved(device, publication, report)
            ]
            if said:
                yield _advanced(said[-1], publication)


def _advanced(report: Report, publication: Publication) -> Judgement:
    if report.version >= publication.version:
        return kept(report.view)
    did = f"published version {publication.version}, which changed the deployment"
    expected = f"adoptedManifestVersion {publication.version} or higher"
    return broken(report.view, did=did, expected=expected, received=str(report.version))
