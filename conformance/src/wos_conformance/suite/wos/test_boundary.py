"""Situations in which a WOS could do the work of others (boundary.md)."""

import json
from typing import Any

import pytest

from wos_conformance.control import ControlRefused
from wos_conformance.drive import sample
from wos_conformance.suite.wos.stage import Stage

RULES_OF_DOCUMENTS = (
    "boundary.no-rendered-objects",
    "boundary.no-merged-values",
    "boundary.cluster-inside-unnamed",
    "boundary.no-rollout-members",
)


@pytest.mark.gives(*RULES_OF_DOCUMENTS, "boundary.no-invented-parameters")
@pytest.mark.needs("assign")
def test_chart_is_assigned(wos: Stage) -> None:
    """A Helm profile with a parameter that is set, one with a default, and one to which nobody gives a value."""
    client = wos.client()
    application = sample.application(wos.random, components=2, kind="helm")
    targets = application["parameters"]["rate"]["targets"]
    application["parameters"] |= {"set": {"targets": targets}, "unset": {"targets": targets}}
    wos.assign(client, application, {"set": sample.word(wos.random)})
    client.fetch_all(wos.manifest(client))


@pytest.mark.gives("boundary.same-members-for-types")
@pytest.mark.needs("assign")
def test_application_has_a_profile_for_each_type(wos: Stage) -> None:
    """Two devices get one application, each through a profile of another type that is equal in all else."""
    application = sample.application(wos.random, components=2, kind="compose")
    profile = application["deploymentProfiles"][0]
    application["deploymentProfiles"].append({**json.loads(json.dumps(profile)), "type": "helm", "id": "helm"})
    for kind in ("compose", "helm"):
        client = wos.client()
        wos.assign(client, application, profile_id=kind)
        client.fetch_all(wos.manifest(client))


@pytest.mark.gives("boundary.listed-type-only")
@pytest.mark.needs("assign")
@pytest.mark.parametrize(("listed", "other"), [("compose", "helm"), ("helm", "compose")])
def test_device_lists_one_type(wos: Stage, listed: str, other: str) -> None:
    """A device is assigned an application of the type that it lists, and is to be assigned one of the other type."""
    client = wos.client(announce=False)
    document = sample.capabilities(wos.random, client.device_id)
    document["properties"]["supportedDeploymentTypes"] = [listed]
    wos.need(client.announce(document), 200, 201)
    wos.assign(client, sample.application(wos.random, kind=listed))
    client.fetch_all(wos.manifest(client))
    try:
        wos.assign(client, sample.application(wos.random, kind=other))
    except ControlRefused:
        return
    client.fetch_all(wos.manifest(client))


@pytest.mark.gives(
    "boundary.capabilities-move-nothing",
    "boundary.reports-move-nothing",
    "boundary.silence-moves-nothing",
    "boundary.no-rollout-members",
    "boundary.status-not-invented",
)
@pytest.mark.needs("assign")
def test_client_tells_much_and_then_nothing(wos: Stage) -> None:
    """A device offers less than before, fails, and keeps still; its manifest is looked at each time."""
    client = wos.client(announce=False)
    document = sample.capabilities(wos.random, client.device_id)
    wos.need(client.announce(document), 200, 201)
    deployment = wos.assign(client, sample.application(wos.random))
    version = wos.manifest(client).version
    wos.look(client)
    document["properties"] |= {"memory": "1Mi", "cpus": [{"cores": 0.5}]}
    for change in ({}, {"labels": {"site": sample.word(wos.random)}}):
        client.announce(document | change)
        client.poll()
    for state in ("pending", "failed"):
        client.report(_explained(sample.status(deployment.id, version, deployment.components, state)))
        client.poll()
    wos.keep_still()
    client.poll()


def _explained(report: dict[str, Any]) -> dict[str, Any]:
    if report["status"]["state"] == "failed":
        report["status"]["error"] = {"code": "start-failed", "source": "x", "message": "it has ended with status 1"}
    return report


@pytest.mark.gives("boundary.wos-opens-no-connection")
def test_device_names_an_address(wos: Stage) -> None:
    """The capabilities of a device hold the address of a listener, in a label and in an extension."""
    client = wos.client(announce=False)
    document = sample.capabilities(wos.random, client.device_id)
    with wos.decoy() as url:
        document["labels"] |= {"address": url, "endpoints": [f"{url}/metrics", url.removeprefix("https://")]}
        document["x-agent-extensions"] = {"address": f"{url}/", "callback": {"url": url}}
        told = wos.need(client.announce(document), 200, 201)
        client.poll()
        wos.watch_decoy(told)
        client.poll()


@pytest.mark.gives("boundary.status-not-invented", "status.newest-visible")
@pytest.mark.needs("assign", "update")
def test_operator_looks_before_any_report(wos: Stage) -> None:
    """The operator looks after the assignment, after a report that was refused, and after an update."""
    client = wos.client()
    deployment = wos.assign(client, sample.application(wos.random))
    version = wos.manifest(client).version
    wos.look(client)
    client.report({**sample.status(deployment.id, version, deployment.components), "status": {"state": "sleeping"}})
    wos.look(client)
    wos.update(deployment, parameters={"rate": 3})
    wos.manifest(client)
    wos.look(client)
    client.report(sample.status(deployment.id, version, deployment.components))
    wos.look(client)
