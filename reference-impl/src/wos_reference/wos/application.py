"""What suppliers say about applications: whether it makes sense, and keeping it."""

import json
from typing import Any

from sqlalchemy import Connection, insert, select, update

from wos_reference.wos import schema
from wos_reference.wos.storage import applications

Description = dict[str, Any]


class WrongApplication(Exception):
    """A description that makes no sense; the text says why."""


def check(description: Any) -> None:
    """Look at a description before it is used.

    Raises:
        WrongApplication: it is not valid, has a profile twice, or names a component that no profile has.
    """
    if found := schema.faults("application-description", description):
        raise WrongApplication(f"{found[0]['field'] or '/'}: {found[0]['message']}")
    profiles = [profile["id"] for profile in description["deploymentProfiles"]]
    if len(set(profiles)) != len(profiles):
        raise WrongApplication("/deploymentProfiles: two profiles have the same id")
    components = {c["name"] for profile in description["deploymentProfiles"] for c in profile["components"]}
    for name, parameter in description.get("parameters", {}).items():
        for target in parameter["targets"]:
            if unknown := set(target["components"]) - components:
                raise WrongApplication(f"/parameters/{name}: no profile has a component {sorted(unknown)}")


def keep(connection: Connection, description: Description) -> bool:
    """Keep a description under its id and version; whether there was none.

    Raises:
        WrongApplication: it makes no sense.
    """
    check(description)
    row = {"id": description["id"], "version": description["metadata"]["version"]}
    content = {"description": json.dumps(description)}
    if connection.execute(update(applications).filter_by(**row).values(content)).rowcount:
        return False
    connection.execute(insert(applications).values(row | content))
    return True


def find(connection: Connection, application_id: str, version: str | None) -> Description | None:
    """The description of this version, or of the one version that is kept."""
    found = select(applications.c.description).filter_by(id=application_id)
    if version is not None:
        found = found.filter_by(version=version)
    kept = connection.execute(found).scalars().all()
    if len(kept) > 1:
        raise WrongApplication(f"{application_id} is kept in several versions; name one")
    return json.loads(kept[0]) if kept else None
