"""What binds a client to this WOS, and its end (onboarding.md, "Retiring, and returning under the same id")."""

from sqlalchemy import Connection, bindparam, delete, select

from wos_reference.wos.storage import artifacts, clients, deployments, devices, enrolments, manifests

ADMITTED = select(clients.c.admitted).where(clients.c.spiffe_id == bindparam("client"))
_ENDS_WITH_IT = (devices, deployments, manifests, artifacts, enrolments)


class Retired(Exception):
    """The client was retired after it had been let in."""


def check(connection: Connection, spiffe_id: str) -> None:
    """See that a client that was let in was not retired since.

    Raises:
        Retired: it was.
    """
    if connection.execute(ADMITTED, {"client": spiffe_id}).scalar() is False:
        raise Retired(spiffe_id)


def end(connection: Connection, spiffe_id: str) -> None:
    """Forget everything of a client but how far its versions have come."""
    for table in _ENDS_WITH_IT:
        connection.execute(delete(table).where(table.c.spiffe_id == spiffe_id))
