"""Sins of a WOS around deployment."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select, update

from mutants.catalogue import WOS, Patch
from wos_reference.wos import artifact, storage
from wos_reference.wos.fleet import Fleet


@WOS.against("deployment.parameters-as-assigned")
def ignores_assigned_values(patch: Patch) -> None:
    """Uses the values of the description only."""
    parameters = artifact.parameters
    patch(artifact, "parameters", lambda deployment: parameters(replace(deployment, parameters={})))


@WOS.against("deployment.other-deployments-untouched")
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
