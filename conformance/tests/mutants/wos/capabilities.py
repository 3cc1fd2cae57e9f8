"""Sins of a WOS around capabilities."""

import json
import posixpath
from contextlib import suppress
from typing import Any

from sqlalchemy import delete, select, update
from starlette.responses import Response

from mutants.catalogue import WOS, Patch
from wos_reference.wos import device, interface, schema, server, storage
from wos_reference.wos.device import is_within
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.interface import Interface
from wos_reference.wos.problem import Refusal, plain_problem, problem


@WOS.against(
    "capabilities.repeat-200", consequences=("capabilities.delete-leaves-others", "capabilities.kept-across-restart")
)
def creates_again(patch: Patch) -> None:
    """Answers every announcement with 201 (D13)."""
    keep = Fleet.keep_device
    patch(Fleet, "keep_device", lambda *arguments: keep(*arguments) or True)


@WOS.against("capabilities.invalid-422")
def accepts_what_the_schema_forbids(patch: Patch) -> None:
    """Does not look at enumerated values (D14)."""
    faults = schema.faults
    patch(schema, "faults", lambda name, value: [f for f in faults(name, value) if "is not one of" not in f["message"]])


@WOS.against("capabilities.refused-not-kept", consequences=("capabilities.first-201",))
def keeps_what_it_refuses(patch: Patch) -> None:
    """Stores a document before it compares it with the path."""
    announce = Interface.announce

    async def keep_first(self: Interface, request: Any, client: str, parameters: dict[str, str]) -> Response:
        with suppress(ValueError):
            self.fleet.keep_device(client, parameters["deviceId"], json.loads(await request.body()))
        return await announce(self, request, client, parameters)

    patch(Interface, "announce", keep_first)


@WOS.against("capabilities.kept-as-sent")
def loses_what_it_does_not_know(patch: Patch) -> None:
    """Keeps the members of the schema only."""
    keep = Fleet.keep_device
    known = {"properties", "labels"}

    def some(self: Fleet, client: str, device: str, document: dict[str, Any]) -> bool:
        return keep(self, client, device, {name: document[name] for name in document if name in known})

    patch(Fleet, "keep_device", some)


@WOS.against(
    "capabilities.delete-leaves-others",
    consequences=("capabilities.delete-204", "capabilities.kept-as-sent", "capabilities.repeat-200"),
)
def forgets_all_devices_at_once(patch: Patch) -> None:
    """Deleting one device deletes all of the client (D46)."""

    def all_of_them(self: Fleet, client: str, device: str) -> bool:
        with self.change() as connection:
            return bool(connection.execute(delete(storage.devices).filter_by(spiffe_id=client)).rowcount)

    patch(Fleet, "forget_device", all_of_them)


@WOS.against(
    "capabilities.delete-204",
    consequences=("capabilities.kept-as-sent", "capabilities.repeat-200", "identity.caller-from-svid"),
)
def answers_a_deletion_with_200(patch: Patch) -> None:
    """Answers a deletion with a body."""
    forget = Interface.forget

    async def tell(self: Interface, *arguments: Any) -> Response:
        await forget(self, *arguments)
        return Response(b"{}", media_type="application/json")

    patch(Interface, "forget", tell)


@WOS.against("capabilities.first-201")
def knows_every_device(patch: Patch) -> None:
    """Answers every announcement with 200."""
    keep = Fleet.keep_device
    patch(Fleet, "keep_device", lambda *arguments: keep(*arguments) and False)


@WOS.against("capabilities.dot-segments-refused", consequences=("capabilities.kept-as-sent",))
def follows_dots(patch: Patch) -> None:
    """Resolves a path with dots to another device."""
    patch(interface, "named_device", lambda parameters: posixpath.normpath(parameters["deviceId"]))


@WOS.against(
    "capabilities.valid-accepted",
    consequences=("capabilities.extensions-ignored", "capabilities.first-201", "capabilities.unknown-types-accepted"),
)
def demands_the_name_of_the_client(patch: Patch) -> None:
    """Takes the device that is called like its client only (D15)."""
    announce = Interface.announce

    async def strict(self: Interface, request: Any, client: str, parameters: dict[str, str]) -> Response:
        if parameters["deviceId"] != client.rpartition("/")[2]:
            raise Refusal(problem("semantic-error"))
        return await announce(self, request, client, parameters)

    patch(Interface, "announce", strict)


@WOS.against(
    "capabilities.valid-accepted",
    consequences=(
        "capabilities.delete-unknown-404",
        "capabilities.extensions-ignored",
        "capabilities.first-201",
        "capabilities.unknown-types-accepted",
    ),
)
def knows_short_names_only(patch: Patch) -> None:
    """Refuses a device id of more than 63 characters."""
    named = interface.named_device

    def short(parameters: dict[str, str]) -> str:
        if len(parameters["deviceId"]) > 63:
            raise Refusal(plain_problem(404))
        return named(parameters)

    patch(interface, "named_device", short)


@WOS.against(
    "capabilities.kept-across-restart",
    consequences=("capabilities.delete-204", "capabilities.kept-as-sent", "capabilities.repeat-200"),
)
def keeps_devices_in_memory(patch: Patch) -> None:
    """Knows no device after a start."""
    open_database = server.open_database

    def emptied(url: str) -> Any:
        with Fleet(engine := open_database(url)).change() as connection:
            connection.execute(delete(storage.devices))
        return engine

    patch(server, "open_database", emptied)


def _refuse(patch: Patch, is_wrong: Any) -> None:
    checked = interface.checked

    def strict(name: str, value: Any) -> Any:
        if name == "device-capabilities" and is_wrong(checked(name, value)):
            raise Refusal(problem("semantic-error"))
        return checked(name, value)

    patch(interface, "checked", strict)


@WOS.against(
    "capabilities.unknown-types-accepted", consequences=("capabilities.first-201", "capabilities.valid-accepted")
)
def knows_two_types_only(patch: Patch) -> None:
    """Refuses a device that offers a type of tomorrow."""
    known = {"helm", "compose"}
    _refuse(patch, lambda value: set(value["properties"].get("supportedDeploymentTypes", ())) - known)


@WOS.against("capabilities.extensions-ignored", consequences=("capabilities.first-201", "capabilities.valid-accepted"))
def fears_extensions(patch: Patch) -> None:
    """Refuses a document with an extension that it does not know."""
    _refuse(patch, lambda value: any(name.startswith("x-") for name in value))


@WOS.against("capabilities.malformed-400")
def calls_it_invalid(patch: Patch) -> None:
    """Answers 422 to a body that is no JSON."""
    body = interface.json_body

    async def invalid(request: Any) -> Any:
        try:
            return await body(request)
        except Refusal as refusal:
            malformed = request.method == "PUT" and refusal.answer.status_code == 400
            raise Refusal(problem("semantic-error")) if malformed else refusal from refusal

    patch(interface, "json_body", invalid)


@WOS.against("capabilities.path-mismatch-422")
def calls_it_malformed(patch: Patch) -> None:
    """Answers 400 to a document of another device."""
    mismatch = interface.mismatch
    wrong = "/properties/id"
    patch(interface, "mismatch", lambda f, text: problem("invalid-request") if f == wrong else mismatch(f, text))


@WOS.against("capabilities.delete-unknown-404", consequences=("identity.caller-from-svid",))
def deletes_what_never_was(patch: Patch) -> None:
    """Answers every deletion with 204."""
    forget = Fleet.forget_device
    patch(Fleet, "forget_device", lambda *arguments: forget(*arguments) or True)


def _withdraw_only(patch: Patch, is_meant: Any) -> None:
    """Let a deletion withdraw some deployments only; `is_meant` takes the device of one and the deleted device."""

    def some(self: Fleet, connection: Any, spiffe_id: str, deleted: str) -> None:
        rows = connection.execute(select(storage.deployments).filter_by(spiffe_id=spiffe_id)).all()
        gone = [row.id for row in rows if is_meant(json.loads(row.assignment)["device_id"], deleted)]
        those = update(storage.deployments).where(storage.deployments.c.id.in_(gone))
        connection.execute(those.values(withdrawn=True))
        self.publish(connection, spiffe_id)

    patch(Fleet, "withdraw_from", some)


@WOS.against("capabilities.delete-withdraws")
def deploys_to_a_device_that_is_gone(patch: Patch) -> None:
    """Leaves the deployments of a deleted device in the manifest."""
    _withdraw_only(patch, lambda name, deleted: name != deleted and is_within(name, deleted))


@WOS.against("capabilities.cascade-withdraws")
def deploys_to_children_that_are_gone(patch: Patch) -> None:
    """Leaves the deployments of children in the manifest when their gateway is deleted."""
    _withdraw_only(patch, lambda name, deleted: name == deleted)


@WOS.against("capabilities.delete-cascades")
def keeps_children_without_a_gateway(patch: Patch) -> None:
    """Deletes a gateway and keeps what stands behind it."""

    def alone(connection: Any, spiffe_id: str, device_id: str) -> bool:
        one = delete(storage.devices).filter_by(spiffe_id=spiffe_id, device_id=device_id)
        return bool(connection.execute(one).rowcount)

    patch(device, "forget", alone)


@WOS.against("capabilities.parent-unknown-404")
def takes_children_of_nobody(patch: Patch) -> None:
    """Accepts a child whose gateway it does not know."""
    patch(device, "parents_of", lambda device_id: [])


@WOS.against("capabilities.child-accepted")
def knows_no_children(patch: Patch) -> None:
    """Refuses every device behind another one."""
    patch(device, "parents_of", lambda device_id: ["nobody"] if "/" in device_id else [])


@WOS.against("capabilities.slash-encoded-equal")
def takes_an_encoded_slash_for_another(patch: Patch) -> None:
    """Keeps a device under another id when its slashes come encoded."""
    parameters = interface._parameters
    patch(interface, "_parameters", lambda found: parameters(found) | {"deviceId": found.groupdict().get("deviceId")})
