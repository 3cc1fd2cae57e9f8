"""Situations around the document of a deployment (deployment.md)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wos_conformance.drive import sample, strategy
from wos_conformance.suite.wos.stage import Stage


@pytest.mark.gives(
    "deployment.document-valid",
    "deployment.device-as-assigned",
    "deployment.components-as-described",
    "deployment.parameters-as-assigned",
)
@pytest.mark.needs("assign", "withdraw")
def test_applications_of_every_kind_are_assigned(wos: Stage) -> None:
    """Generated applications with up to eight components and three parameters."""
    client = wos.client()

    @wos.property
    @given(strategy.applications(), st.data())
    def assign(application: dict[str, object], data: st.DataObject) -> None:
        names = sorted(application["parameters"])  # type: ignore[call-overload]
        chosen = data.draw(st.lists(st.sampled_from(names), unique=True) if names else st.just([]), label="set")
        values = {name: data.draw(strategy.PARAMETER_VALUES, label=name) for name in chosen}
        deployment = wos.assign(client, application, values)
        client.fetch_all(wos.manifest(client))
        wos.withdraw(deployment)

    assign()


@pytest.mark.gives(
    "deployment.properties-as-described",
    "deployment.constraints-as-described",
    "deployment.plain-yaml",
    "deployment.document-valid",
)
@pytest.mark.needs("assign")
def test_profile_has_everything(wos: Stage) -> None:
    """Two equal components wait, take their time and have a member of their own; the profile has constraints."""
    client = wos.client()
    application = sample.application(wos.random, components=2)
    profile = application["deploymentProfiles"][0]
    for part in profile["components"]:
        part["properties"] |= {"wait": False, "timeout": "5m30s", "hooks": {"before": ["on", "2024-01-31", "0o17"]}}
    profile["deviceConstraints"] = sample.constraints(wos.random)
    wos.assign(client, application)
    client.fetch_all(wos.manifest(client))
    del profile["deviceConstraints"]
    wos.assign(client, application)
    client.fetch_all(wos.manifest(client))


@pytest.mark.gives("deployment.update-keeps-id", "deployment.other-deployments-untouched")
@pytest.mark.needs("assign", "update")
def test_one_of_two_deployments_is_updated(wos: Stage) -> None:
    """The revision, then a parameter of one deployment changes; then an update comes that changes nothing."""
    client = wos.client()
    application = sample.application(wos.random, components=2)
    deployment = wos.assign(client, application)
    wos.assign(client, sample.application(wos.random))
    client.fetch_all(wos.manifest(client))
    changed = json.loads(json.dumps(application))
    changed["deploymentProfiles"][0]["components"][1]["properties"]["revision"] = sample.revision(wos.random)
    for update in ({"application": changed}, {"parameters": {"rate": wos.random.getrandbits(20)}}):
        wos.update(deployment, **update)
        client.fetch_all(wos.manifest(client))
    wos.update(deployment, application=changed)
    client.fetch_all(wos.manifest(client))
