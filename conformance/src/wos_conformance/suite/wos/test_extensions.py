"""Situations around what a WOS does not know (extensions.md)."""

import pytest

from wos_conformance.drive import sample
from wos_conformance.suite.wos.stage import Stage


@pytest.mark.gives("extensions.device-extensions-copied", "extensions.root-extensions-withheld")
@pytest.mark.needs("assign")
def test_application_has_extensions(wos: Stage) -> None:
    """Extensions stand at the root of a description, in its profile and in one of its components."""
    client = wos.client()
    application = sample.application(wos.random, components=2)
    profile = application["deploymentProfiles"][0]
    for place in (application, profile, profile["components"][1]):
        place[f"x-{sample.word(wos.random)}-extensions"] = {"depth": [1, 2.5, None, True, {"more": "yes"}]}
    wos.assign(client, application)
    client.fetch_all(wos.manifest(client))


@pytest.mark.gives("extensions.unknown-members-accepted", "status.newest-visible")
@pytest.mark.needs("assign")
def test_report_has_unknown_members(wos: Stage) -> None:
    """A report of a later minor version: more members at the root, in `status` and in a component."""
    client = wos.client()
    deployment = wos.assign(client, sample.application(wos.random))
    report = sample.status(deployment.id, wos.manifest(client).version, deployment.components)
    for place in (report, report["status"], report["components"][0]):
        place[sample.word(wos.random)] = {"progress": 0.5, "steps": [None, 1]}
        client.report(report)
        wos.look(client)


@pytest.mark.gives("extensions.unknown-major-404")
def test_request_is_for_another_major_version(wos: Stage) -> None:
    """Every path of the interface is asked for under a major version that nobody has."""
    client = wos.client()
    digest, major = sample.digest(wos.random), wos.random.randrange(1000, 100_000)
    for method, path in (
        ("GET", "deployments"),
        ("GET", f"deployments/{sample.uuid(wos.random)}/{digest}"),
        ("GET", f"bundles/{digest}"),
        ("DELETE", f"capabilities/{client.device_id}"),
    ):
        client.send(method, f"/api/v{major}/{path}", b"")
    wos.need(client.poll(), 200)
