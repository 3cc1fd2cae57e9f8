"""Sins of a WOS around deployment."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import yaml
from sqlalchemy import select, update

from mutants.catalogue import WOS, Patch
from wos_reference.wos import artifact, storage
from wos_reference.wos.artifact import Deployment
from wos_reference.wos.fleet import Fleet


def with_document(patch: Patch, change: Callable[[dict[str, Any], Deployment], Any]) -> None:
    """Change the content of every document; used by the sins of other areas, too."""
    document = artifact.document

    def changed(deployment: Deployment) -> bytes:
        content = yaml.safe_load(document(deployment))
        change(content, deployment)
        return yaml.dump(content, Dumper=artifact._Dumper).encode()

    patch(artifact, "document", changed)


def _with_profile(patch: Patch, change: Callable[[dict[str, Any]], Any]) -> None:
    with_document(patch, lambda content, deployment: change(content["spec"]["deploymentProfile"]))


@WOS.against("deployment.document-valid")
def writes_documents_without_a_name(patch: Patch) -> None:
    """Leaves a required member out of a document."""
    with_document(patch, lambda content, deployment: content["metadata"].pop("name"))


@WOS.against("deployment.device-as-assigned")
def names_no_device_in_particular(patch: Patch) -> None:
    """Writes the id of the client in place of the device."""
    with_document(patch, lambda content, deployment: content["metadata"].update(deviceId="default"))


@WOS.against("deployment.components-as-described", consequences=("deployment.properties-as-described",))
def fetches_from_a_mirror(patch: Patch) -> None:
    """Writes another repository into the document than the supplier did."""

    def mirror(profile: dict[str, Any]) -> None:
        profile["components"][0]["properties"]["repository"] += "-mirror"

    _with_profile(patch, mirror)


@WOS.against("deployment.properties-as-described")
def copies_what_it_knows(patch: Patch) -> None:
    """Leaves out what a profile says beside repository and revision."""

    def strip(profile: dict[str, Any]) -> None:
        for component in profile["components"]:
            properties = component["properties"]
            component["properties"] = {name: properties[name] for name in ("repository", "revision")}

    _with_profile(patch, strip)


@WOS.against("deployment.constraints-as-described")
def promises_every_device(patch: Patch) -> None:
    """Leaves out what a profile demands of a device."""
    patch(artifact, "_FOR_DEVICES", ("type", "components"))


@WOS.against("deployment.update-keeps-id", consequences=("desired-state.change-published",))
def replaces_what_it_should_update(patch: Patch) -> None:
    """Withdraws a deployment and assigns another one."""

    def replace_it(self: Fleet, connection: Any, deployment_id: str, changes: dict[str, Any]) -> None:
        spiffe_id, known, _ = self._assigned(connection, deployment_id)
        self.withdraw(connection, deployment_id)
        self.assign(connection, spiffe_id, replace(known, **changes))

    patch(Fleet, "change_deployment", replace_it)


@WOS.against("deployment.plain-yaml")
def writes_tags(patch: Patch) -> None:
    """Says of a text that it is one."""
    document = artifact.document
    patch(artifact, "document", lambda deployment: document(deployment).replace(b'"id": "', b'"id": !!str "', 1))


@WOS.against("deployment.parameters-as-assigned")
def ignores_assigned_values(patch: Patch) -> None:
    """Uses the values of the description only."""
    parameters = artifact.parameters
    patch(artifact, "parameters", lambda deployment: parameters(replace(deployment, parameters={})))


@WOS.against("deployment.other-deployments-untouched", consequences=("desired-state.version-only-on-change",))
def stamps_documents(patch: Patch) -> None:
    """Publishes all deployments of a client anew when one changes."""
    publish = Fleet.publish

    def stamped(self: Fleet, connection: Any, client: str) -> None:
        rows = connection.execute(select(storage.deployments).filter_by(spiffe_id=client)).all()
        for row in rows:
            changed = update(storage.deployments).where(storage.deployments.c.id == row.id)
            connection.execute(changed.values(document=row.document + b"\n"))
        publish(self, connection, client)

    patch(Fleet, "publish", stamped)
