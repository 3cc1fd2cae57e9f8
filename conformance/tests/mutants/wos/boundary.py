"""Sins of a WOS that does the work of others."""

import re
import socket
import time
from contextlib import suppress
from typing import Any

from sqlalchemy import update
from starlette.responses import Response

from mutants.catalogue import WOS, Patch
from mutants.wos.deployment import with_document
from wos_reference.wos import fleet, report, storage
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.interface import Interface


@WOS.against("boundary.no-rendered-objects", consequences=("deployment.document-valid",))
def renders_charts(patch: Patch) -> None:
    """Puts a Kubernetes object into a document."""
    rendered = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "main"}, "spec": {}}
    with_document(patch, lambda content, deployment: content["spec"].update(rendered=[rendered]))


@WOS.against("boundary.no-merged-values")
def merges_values(patch: Patch) -> None:
    """Gives a component values that the supplier did not."""

    def merge(content: dict[str, Any], deployment: Any) -> None:
        content["spec"]["deploymentProfile"]["components"][0]["properties"]["values"] = {"site": "north"}

    with_document(patch, merge)


@WOS.against("boundary.no-invented-parameters", consequences=("deployment.parameters-as-assigned",))
def invents_values(patch: Patch) -> None:
    """Gives a parameter without a value an empty one."""

    def invent(content: dict[str, Any], deployment: Any) -> None:
        for name, parameter in deployment.application.get("parameters", {}).items():
            content["spec"]["parameters"].setdefault(name, {"value": "", "targets": parameter["targets"]})

    with_document(patch, invent)


@WOS.against("boundary.cluster-inside-unnamed", consequences=("deployment.document-valid",))
def chooses_a_node(patch: Patch) -> None:
    """Tells a cluster where inside it a workload belongs."""
    with_document(patch, lambda content, deployment: content["spec"].update(nodeSelector={"zone": "a"}))


@WOS.against("boundary.no-rollout-members")
def tells_devices_about_its_campaign(patch: Patch) -> None:
    """Writes into a document in which wave it comes."""
    with_document(patch, lambda content, deployment: content["metadata"].update(wave=2))


@WOS.against("boundary.same-members-for-types")
def writes_charts_differently(patch: Patch) -> None:
    """Gives a document for Helm a member more."""

    def release(content: dict[str, Any], deployment: Any) -> None:
        if content["spec"]["deploymentProfile"]["type"] == "helm":
            content["metadata"]["release"] = deployment.id

    with_document(patch, release)


@WOS.against("boundary.listed-type-only")
def places_what_a_device_does_not_take(patch: Patch) -> None:
    """Does not look at the types that a device lists."""
    patch(fleet, "check_type", lambda *arguments: None)


@WOS.against("boundary.capabilities-move-nothing", consequences=("desired-state.version-only-on-change",))
def withdraws_from_a_device_that_has_changed(patch: Patch) -> None:
    """Takes an announcement for an order."""
    keep = Fleet.keep_device

    def move(self: Fleet, client: str, device: str, document: Any) -> bool:
        created = keep(self, client, device, document)
        with self.change() as connection:
            self.withdraw_from(connection, client, device)
        return created

    patch(Fleet, "keep_device", move)


@WOS.against("boundary.reports-move-nothing", consequences=("desired-state.version-only-on-change",))
def withdraws_what_has_failed(patch: Patch) -> None:
    """Takes a report of a failure for an order."""
    keep = Fleet.keep_status

    def move(self: Fleet, client: str, deployment_id: str, content: Any) -> bool | None:
        if content["status"]["state"] == "failed":
            with self.change() as connection:
                self.withdraw(connection, deployment_id)
        return keep(self, client, deployment_id, content)

    patch(Fleet, "keep_status", move)


@WOS.against("boundary.silence-moves-nothing", consequences=("desired-state.version-only-on-change",))
def gives_up_on_whoever_is_silent(patch: Patch) -> None:
    """Withdraws everything from a client that was not heard of for half a second."""
    manifest, heard = Fleet.manifest, dict[str, float]()

    def impatient(self: Fleet, client: str) -> bytes:
        now = time.monotonic()
        if now - heard.get(client, now) > 0.5:
            with self.change() as connection:
                gone = update(storage.deployments).filter_by(spiffe_id=client)
                connection.execute(gone.values(withdrawn=True))
                self.publish(connection, client)
        heard[client] = now
        return manifest(self, client)

    patch(Fleet, "manifest", impatient)


@WOS.against("boundary.wos-opens-no-connection")
def calls_back(patch: Patch) -> None:
    """Dials every address that a device names."""
    announce = Interface.announce

    async def dial(self: Interface, request: Any, client: str, parameters: dict[str, str]) -> Response:
        for host, port in re.findall(r"([0-9.]+):([0-9]+)", (await request.body()).decode("latin-1")):
            with suppress(OSError):
                socket.create_connection((host, int(port)), timeout=1).close()
        return await announce(self, request, client, parameters)

    patch(Interface, "announce", dial)


@WOS.against("boundary.status-not-invented")
def shows_what_it_expects(patch: Patch) -> None:
    """Shows a deployment as pending before anybody has said so."""
    shown = report.shown

    def expected(row: Any, now: int) -> dict[str, Any]:
        facts = shown(row, now)
        pending = {"deploymentId": row.id, "adoptedManifestVersion": 1, "status": {"state": "pending"}}
        return facts | {"status": facts["status"] or pending | {"components": []}}

    patch(report, "shown", expected)
