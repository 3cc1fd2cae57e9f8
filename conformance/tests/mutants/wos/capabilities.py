"""Sins of a WOS around capabilities."""

import json
from typing import Any

from sqlalchemy import delete
from starlette.responses import Response

from mutants.catalogue import WOS, Patch
from wos_reference.wos import schema, storage
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.interface import Interface


@WOS.against("capabilities.repeat-200")
def creates_again(patch: Patch) -> None:
    """Answers every announcement with 201 (D13)."""
    keep = Fleet.keep_device
    patch(Fleet, "keep_device", lambda *arguments: keep(*arguments) or True)


@WOS.against("capabilities.invalid-422")
def accepts_what_the_schema_forbids(patch: Patch) -> None:
    """Does not look at enumerated values (D14)."""
    faults = schema.faults
    patch(schema, "faults", lambda name, value: [f for f in faults(name, value) if "is not one of" not in f["message"]])


@WOS.against("capabilities.refused-not-kept")
def keeps_what_it_refuses(patch: Patch) -> None:
    """Stores a document before it compares it with the path."""
    announce = Interface.announce

    async def keep_first(self: Interface, request: Any, client: str, parameters: dict[str, str]) -> Response:
        document = json.loads(await request.body())
        self.fleet.keep_device(client, parameters["deviceId"], document)
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


@WOS.against("capabilities.delete-204")
def forgets_all_devices_at_once(patch: Patch) -> None:
    """Deleting one device deletes all of the client (D46)."""

    def all_of_them(self: Fleet, client: str, device: str) -> bool:
        with self.change() as connection:
            return bool(connection.execute(delete(storage.devices).filter_by(spiffe_id=client)).rowcount)

    patch(Fleet, "forget_device", all_of_them)
