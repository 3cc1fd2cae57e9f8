"""Situations around status reports (status.md)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wos_conformance.drive import sample, strategy
from wos_conformance.suite.wos.stage import Stage

FAULTS = {
    "state-unknown": lambda d: d["status"].update(state="sleeping"),
    "state-missing": lambda d: d["status"].pop("state"),
    "version-missing": lambda d: d.pop("adoptedManifestVersion"),
    "version-is-zero": lambda d: d.update(adoptedManifestVersion=0),
    "version-is-2-to-64": lambda d: d.update(adoptedManifestVersion=2**64),
    "version-is-a-string": lambda d: d.update(adoptedManifestVersion="1"),
    "components-missing": lambda d: d.pop("components"),
    "component-state-unknown": lambda d: d["components"][0].update(state="sleeping"),
    "error-without-message": lambda d: d["status"].update(error={"code": "7", "source": "x"}),
}


@pytest.mark.gives("status.valid-accepted", "status.first-201", "status.repeat-200", "status.newest-visible")
@pytest.mark.needs("assign")
def test_deployment_makes_its_way(wos: Stage) -> None:
    """The states of an installation are reported one after the other, the last one twice."""
    client = wos.client()
    deployment = wos.assign(client, sample.application(wos.random, components=2))
    version = wos.manifest(client).version
    for state in ("pending", "installing", "installed", "installed"):
        client.report(sample.status(deployment.id, version, deployment.components, state))
        wos.look(client)


@pytest.mark.gives("status.valid-accepted", "status.newest-visible")
@pytest.mark.needs("assign")
def test_report_is_anything_that_is_valid(wos: Stage) -> None:
    """Generated reports about what is wanted: any state after any other, with all components or none, with errors."""
    client = wos.client()

    @wos.property
    @given(st.lists(st.tuples(strategy.STATES, st.integers(0, 2), st.booleans()), min_size=1, max_size=4))
    def report(reports: list[tuple[str, int, bool]]) -> None:
        deployment = wos.assign(client, sample.application(wos.random, components=2))
        version = wos.manifest(client).version
        for state, components, has_error in reports:
            document = sample.status(deployment.id, version, deployment.components[:components], state)
            if has_error:
                document["status"]["error"] = {"code": "x-vendor", "source": client.device_id, "message": "…"}
            client.report(document)
        wos.look(client)
        wos.withdraw(deployment)

    report()


@pytest.mark.gives("status.newest-visible", "status.first-201", "status.repeat-200", "status.withdrawn-accepted")
@pytest.mark.needs("assign", "update", "withdraw")
def test_reports_come_in_any_order(wos: Stage) -> None:
    """Generated reports about two deployments, of which one is updated and withdrawn in between."""
    client = wos.client()

    @wos.property
    @given(st.lists(st.tuples(strategy.STATES, st.integers(0, 2), st.booleans()), min_size=2, max_size=6))
    def report(reports: list[tuple[str, int, bool]]) -> None:
        first, second = (wos.assign(client, sample.application(wos.random, components=2)) for _ in range(2))
        versions = [wos.manifest(client).version]
        wos.update(first, parameters={"rate": wos.random.getrandbits(20)})
        versions += [wos.manifest(client).version]
        for number, (state, age, of_first) in enumerate(reports):
            if number == len(reports) // 2:
                wos.withdraw(first)
                versions.append(wos.manifest(client).version)
            deployment = first if of_first else second
            version = versions[-1 - age % len(versions)]
            client.report(sample.status(deployment.id, version, deployment.components, state))
        wos.look(client)
        wos.withdraw(second)

    report()


@pytest.mark.gives("status.newest-visible")
@pytest.mark.needs("assign", "update")
def test_report_comes_late(wos: Stage) -> None:
    """An old report arrives again after one about a newer version; then two more about the newer one."""
    client = wos.client()
    deployment = wos.assign(client, sample.application(wos.random))
    old = sample.status(deployment.id, wos.manifest(client).version, deployment.components, "installed")
    wos.need(client.report(old), 200, 201)
    wos.update(deployment, parameters={"rate": wos.random.getrandbits(20)})
    version = wos.manifest(client).version
    new = [sample.status(deployment.id, version, deployment.components, state) for state in ("installing", "failed")]
    for report in (new[0], old, new[1], old, new[0]):
        client.report(report)
        wos.look(client)


@pytest.mark.gives("status.age-shown", "status.newest-visible")
@pytest.mark.needs("assign", "update", "restart")
def test_report_grows_old(wos: Stage) -> None:
    """A report grows old; then an older one comes late; then the WOS is restarted. The operator looks each time."""
    client = wos.client()
    deployment = wos.assign(client, sample.application(wos.random))
    old = sample.status(deployment.id, wos.manifest(client).version, deployment.components, "installing")
    wos.need(client.report(old), 200, 201)
    wos.update(deployment, parameters={"rate": wos.random.getrandbits(20)})
    wos.need(client.report(sample.status(deployment.id, wos.manifest(client).version, deployment.components)), 200)
    wos.let_grow_old()
    wos.look(client)
    client.report(old)
    wos.look(client)
    wos.restart()
    wos.look(client)


@pytest.mark.gives("status.version-ahead-accepted", "desired-state.version-above-reported")
@pytest.mark.needs("assign")
@pytest.mark.parametrize("ahead", [1000, 2**53 + 1, 2**63 + 1])
def test_report_is_ahead_of_the_wos(wos: Stage, ahead: int) -> None:
    """A client has come further than its WOS knows; the manifest stays until an operator changes it."""
    client = wos.client()
    deployment = wos.assign(client, sample.application(wos.random))
    version = wos.manifest(client).version + ahead
    wos.need(client.report(sample.status(deployment.id, version, deployment.components)), 200, 201)
    client.poll()
    wos.assign(client, sample.application(wos.random))
    wos.manifest(client)


@pytest.mark.gives("status.unknown-component-422", "status.newest-visible")
@pytest.mark.needs("assign")
def test_report_names_an_unknown_component(wos: Stage) -> None:
    """A report is accepted; then one comes in which a component has a name that no revision ever had."""
    client = wos.client()
    deployment = wos.assign(client, sample.application(wos.random, components=2))
    report = sample.status(deployment.id, wos.manifest(client).version, deployment.components)
    wos.need(client.report(report), 200, 201)
    report["components"][1]["name"] = sample.word(wos.random)
    client.report(report)
    wos.look(client)


@pytest.mark.gives("status.withdrawn-accepted", "status.newest-visible")
@pytest.mark.needs("assign", "withdraw")
def test_withdrawn_deployment_is_reported(wos: Stage) -> None:
    """Reports about a removal come after the deployment has left the manifest."""
    client = wos.client()
    deployment = wos.assign(client, sample.application(wos.random))
    version = wos.manifest(client).version
    client.report(sample.status(deployment.id, version, deployment.components))
    wos.withdraw(deployment)
    wos.manifest(client)
    for state in ("removing", "removed"):
        client.report(sample.status(deployment.id, version, deployment.components, state))
        wos.look(client)


@pytest.mark.gives("status.invalid-422", "status.newest-visible")
@pytest.mark.needs("assign")
@pytest.mark.parametrize("fault", FAULTS)
def test_report_has_one_fault(wos: Stage, fault: str) -> None:
    """A valid report is accepted; then the same report comes with one fault."""
    client = wos.client()
    deployment = wos.assign(client, sample.application(wos.random))
    report = sample.status(deployment.id, wos.manifest(client).version, deployment.components)
    wos.need(client.report(report), 200, 201)
    faulty = json.loads(json.dumps(report))
    FAULTS[fault](faulty)
    client.report(faulty, deployment.id)
    wos.look(client)


@pytest.mark.gives("status.malformed-400")
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"nonsense"], ids=["empty", "cut-short", "not-utf-8", "word"])
def test_report_is_not_json(wos: Stage, body: bytes) -> None:
    """Bytes that are no JSON text are sent as a report."""
    client = wos.client()
    client.send("POST", f"/api/v1/deployments/{sample.uuid(wos.random)}/status", body)


@pytest.mark.gives("status.path-mismatch-422")
@pytest.mark.needs("assign")
def test_report_names_another_deployment(wos: Stage) -> None:
    """The report of one deployment is sent to the path of another one of the same client."""
    client = wos.client()
    first, second = (wos.assign(client, sample.application(wos.random)) for _ in range(2))
    version = wos.manifest(client).version
    client.report(sample.status(first.id, version, first.components), second.id)
    wos.look(client)


@pytest.mark.gives("status.unknown-deployment-404")
def test_report_is_about_a_deployment_that_never_was(wos: Stage) -> None:
    """A perfect report about a deployment that nobody has assigned."""
    client = wos.client()
    client.report(sample.status(sample.uuid(wos.random), 1, [sample.word(wos.random)]))
