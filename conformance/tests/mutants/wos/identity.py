"""Sins of a WOS around identity."""

from typing import Any

from sqlalchemy import select

from mutants.catalogue import WOS, Patch
from wos_reference.wos import identity, server, storage
from wos_reference.wos.fleet import Fleet


@WOS.against("identity.path-shape-exact")
def accepts_any_path(patch: Patch) -> None:
    """Looks at the beginning of the SPIFFE id only."""
    patch(identity, "check_path", lambda spiffe_id, own_id: None)


@WOS.against("identity.wos-id-matched")
def accepts_agents_of_another_wos(patch: Patch) -> None:
    """Does not compare the WOS in the caller's id with itself."""
    patch(identity, "check_path", lambda spiffe_id, own_id: identity._AGENT.fullmatch(spiffe_id) or _refuse())


def _refuse() -> None:
    raise identity.IdentityError("not the id of an agent")


@WOS.against("identity.one-uri-name")
def takes_the_first_of_two_names(patch: Patch) -> None:
    """Does not count the names in a certificate."""
    patch(identity, "check_names", lambda peer: peer.uris or _refuse())


@WOS.against("identity.leaf-constraints")
def accepts_authorities(patch: Patch) -> None:
    """Lets certification authorities be clients."""
    patch(identity, "check_leaf", lambda peer: None)


@WOS.against("identity.client-admitted")
def accepts_the_whole_namespace(patch: Patch) -> None:
    """Treats everybody with a valid id as accepted."""
    patch(Fleet, "accepts", lambda self, spiffe_id: self.admit_unknown(spiffe_id))
    Fleet.admit_unknown = _admit_unknown  # type: ignore[attr-defined]


def _admit_unknown(self: Fleet, spiffe_id: str) -> bool:
    with self.change() as connection:
        if connection.execute(select(storage.clients.c.admitted).filter_by(spiffe_id=spiffe_id)).first() is None:
            self.admit(connection, spiffe_id)
    return True


@WOS.against("identity.policy-per-request")
def asks_the_policy_once(patch: Patch) -> None:
    """Remembers that a client was accepted."""
    accepted: set[str] = set()
    accepts = Fleet.accepts

    def once(self: Fleet, spiffe_id: str) -> bool:
        if spiffe_id in accepted or accepts(self, spiffe_id):
            accepted.add(spiffe_id)
        return spiffe_id in accepted

    patch(Fleet, "accepts", once)


@WOS.against("identity.scope-isolated")
def serves_documents_of_others(patch: Patch) -> None:
    """Looks artifacts up by digest alone (D06)."""

    def anybodys(self: Fleet, spiffe_id: str, name: str, digest: str) -> bytes | None:
        with self._reading.connect() as connection:
            found = select(storage.artifacts.c.content).filter_by(name=name, digest=digest)
            return connection.execute(found).scalar()

    patch(Fleet, "artifact", anybodys)


@WOS.against("identity.caller-from-svid")
def keeps_devices_by_id_alone(patch: Patch) -> None:
    """Two clients with one device id share one record."""
    keep, forget = Fleet.keep_device, Fleet.forget_device
    patch(Fleet, "keep_device", lambda self, client, device, document: keep(self, "", device, document))
    patch(Fleet, "forget_device", lambda self, client, device: forget(self, "", device))


@WOS.against("identity.wos-old-tls-refused")
def speaks_old_tls(patch: Patch) -> None:
    """Allows every version and cipher that OpenSSL has."""

    def anything(config: Any, default: Any) -> Any:
        context = default()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = server.ssl.TLSVersion.MINIMUM_SUPPORTED
        return context

    patch(server, "tls_context", anything)
