"""Sins of a WOS around identity."""

import base64
import re
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from sqlalchemy import select
from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol

from mutants import openssl
from mutants.catalogue import WOS, Patch
from wos_conformance.drive.trust_domain import TrustDomain
from wos_reference.wos import identity, problem, relation, server, storage, trust
from wos_reference.wos.configuration import Configuration
from wos_reference.wos.connection import AgentConnection
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.identity import Peer
from wos_reference.wos.interface import Interface


@WOS.against("identity.path-shape-exact")
def accepts_any_path(patch: Patch) -> None:
    """Looks at the beginning of the SPIFFE id only."""
    patch(identity, "check_path", lambda spiffe_id, own_id: None)


@WOS.against("identity.path-shape-exact")
def accepts_clients_of_no_wos(patch: Patch) -> None:
    """Takes `/margo/client/<id>` for the id of one of its clients (D26)."""
    check = identity.check_path

    def lenient(spiffe_id: str, own_id: str) -> None:
        if not re.fullmatch(r"spiffe://[^/]+/margo/client/[^/]+", spiffe_id):
            check(spiffe_id, own_id)

    patch(identity, "check_path", lenient)


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


@WOS.against("identity.client-admitted", consequences=("identity.refused-by-policy-403",))
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
    """Remembers that a client was accepted, and what it was served."""
    accepted: set[str] = set()
    served: dict[str, bytes] = {}
    accepts, manifest = Fleet.accepts, Fleet.manifest

    def once(self: Fleet, spiffe_id: str) -> bool:
        if spiffe_id in accepted or accepts(self, spiffe_id):
            accepted.add(spiffe_id)
        return spiffe_id in accepted

    def last(self: Fleet, spiffe_id: str) -> bytes:
        try:
            served[spiffe_id] = manifest(self, spiffe_id)
        except relation.Retired:
            if spiffe_id not in served:
                raise
        return served[spiffe_id]

    patch(Fleet, "accepts", once)
    patch(Fleet, "manifest", last)
    patch(relation, "check", lambda connection, spiffe_id: None)


@WOS.against(
    "identity.scope-isolated", consequences=("desired-state.bundle-unknown-404", "desired-state.document-unknown-404")
)
def serves_documents_of_others(patch: Patch) -> None:
    """Looks artifacts up by digest alone (D06)."""

    def anybodys(self: Fleet, spiffe_id: str, name: str, digest: str) -> bytes | None:
        with self._reading.connect() as connection:
            found = select(storage.artifacts.c.content).filter_by(name=name, digest=digest)
            return connection.execute(found).scalar()

    patch(Fleet, "artifact", anybodys)


@WOS.against(
    "identity.caller-from-svid",
    consequences=("capabilities.delete-204", "capabilities.first-201", "capabilities.kept-as-sent"),
)
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


def _show(patch: Patch, flaw: str | None, certificates: int | None = None) -> None:
    """Show a certificate with a flaw, or only the first ones of a chain."""
    read = Configuration.read

    def flawed(path: Path) -> Configuration:
        found = read(path)
        svid = TrustDomain.load(found.svid.parent).wos(flaw)
        end = b"-----END CERTIFICATE-----\n"
        chain = end.join([*svid.chain_pem.split(end)[:certificates], b""])
        (shown := path.with_name("shown.pem")).write_bytes(svid.key_pem + chain)
        return msgspec.structs.replace(found, svid=shown, key=shown)

    patch(Configuration, "read", flawed)


@WOS.against("identity.wos-id-shape")
def shows_two_names(patch: Patch) -> None:
    """Its certificate names another WOS as well."""
    _show(patch, "two-uri-sans")
    patch(trust, "own_spiffe_id", lambda svid, expected=None: _first_name(svid))


def _first_name(svid: Path) -> str:
    return identity._uris(x509.load_pem_x509_certificate(svid.read_bytes()))[0]


@WOS.against("identity.wos-chain-sent")
def sends_its_leaf_alone(patch: Patch) -> None:
    """Leaves the intermediate certificate out."""
    _show(patch, None, certificates=1)


def _with_context(patch: Patch, change: Callable[[ssl.SSLContext], Any]) -> None:
    made = server.tls_context

    def changed(config: Any, default: Any) -> ssl.SSLContext:
        context = made(config, default)
        change(context)
        return context

    patch(server, "tls_context", changed)


@WOS.against("identity.wos-tls-version")
def speaks_tls_1_2_at_most(patch: Patch) -> None:
    """Does not know TLS 1.3."""

    def old(context: ssl.SSLContext) -> None:
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2

    _with_context(patch, old)


@WOS.against("identity.wos-tls-1-2-off")
def speaks_tls_1_2_unasked(patch: Patch) -> None:
    """Leaves TLS 1.2 on, because some library has it on."""
    _with_context(patch, server.allow_tls_1_2)


@WOS.against("identity.wos-tls-1-2-suites")
def takes_any_suite_of_tls_1_2(patch: Patch) -> None:
    """Does not choose among the suites that it has."""
    patch(server, "_TLS_1_2_SUITES", "ECDHE:@SECLEVEL=0")


@WOS.against("identity.certificate-required")
def asks_for_a_certificate_and_does_not_insist(patch: Patch) -> None:
    """Takes a peer without a certificate for the one that came before."""
    _with_context(patch, lambda context: setattr(context, "verify_mode", ssl.CERT_OPTIONAL))
    authenticate, seen = Interface.authenticate, [""]

    def remember(self: Interface, request: Request) -> str:
        if request.scope["extensions"]["tls"]["client_cert"] is not None:
            seen[0] = authenticate(self, request)
        return seen[0]

    patch(Interface, "authenticate", remember)


@WOS.against("identity.chain-verified")
def trusts_every_root(patch: Patch) -> None:
    """Looks at the name and the period of a certificate, and not at who signed it."""
    _with_context(patch, openssl.verify_nothing)


@WOS.against("identity.chain-verified")
def knows_the_intermediates_by_heart(patch: Patch) -> None:
    """Completes a chain that the peer has not sent."""
    read, known = Configuration.read, []

    def remember(path: Path) -> Configuration:
        known.append(read(path).svid.with_name("intermediate.pem"))
        return read(path)

    patch(Configuration, "read", remember)
    _with_context(patch, lambda context: context.load_verify_locations(known[-1]))


_EVER = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@WOS.against("identity.validity-checked")
def has_no_clock(patch: Patch) -> None:
    """Accepts certificates of any time."""
    _with_context(patch, openssl.check_no_time)
    _with_peer(patch, lambda peer: replace(peer, not_before=_EVER[0], not_after=_EVER[1]))


@WOS.against("identity.validity-checked")
def looks_at_the_period_of_the_leaf_only(patch: Patch) -> None:
    """Accepts a leaf below an intermediate that has expired (D25)."""
    _with_context(patch, openssl.check_no_time)


def _with_peer(patch: Patch, change: Callable[[Peer], Peer]) -> None:
    check = identity.check_leaf
    patch(identity, "check_leaf", lambda peer: check(change(peer)))


@WOS.against("identity.client-usage-required")
def takes_certificates_of_servers(patch: Patch) -> None:
    """Does not look at what a certificate may be used for."""
    _with_context(patch, openssl.allow_any_purpose)
    _with_peer(patch, lambda peer: replace(peer, may_be_client=True))


@WOS.against("identity.weak-certificate-refused")
def takes_weak_certificates(patch: Patch) -> None:
    """Does not look at keys and signatures."""
    _with_context(patch, lambda context: context.set_ciphers("DEFAULT:@SECLEVEL=0"))
    _with_peer(patch, lambda peer: replace(peer, is_strong=True))


@WOS.against("identity.trust-domain-matched")
def accepts_every_trust_domain(patch: Patch) -> None:
    """Compares what comes after the trust domain."""
    check = identity.check_path

    def path_only(spiffe_id: str, own_id: str) -> None:
        check("/".join([*own_id.split("/")[:3], *spiffe_id.split("/")[3:]]), own_id)

    patch(identity, "check_path", path_only)


@WOS.against(
    "identity.forged-header-ignored",
    consequences=(
        "desired-state.accept-range-served",
        "desired-state.version-only-on-change",
        "identity.scope-isolated",
    ),
)
def believes_in_a_proxy_that_is_not_there(patch: Patch) -> None:
    """Takes the caller from a header that anybody can send."""
    authenticate = Interface.authenticate

    def believe(self: Interface, request: Request) -> str:
        if shown := request.headers.get("client-cert"):
            request.scope["extensions"]["tls"]["client_cert"] = base64.b64decode(shown.strip(":"))
        return authenticate(self, request)

    patch(Interface, "authenticate", believe)


@WOS.against("identity.resumption-not-longer", consequences=("identity.expired-while-connected",))
def knows_who_it_has_seen_before(patch: Patch) -> None:
    """Lets sessions be resumed, and does not look again at a certificate that was good once."""
    made, check, good = trust._Listener._made, identity.check_leaf, set[Peer]()

    def with_tickets(self: Any, bundle: Any) -> ssl.SSLContext:
        context: ssl.SSLContext = made(self, bundle)
        context.num_tickets = 2
        return context

    def begin(self: AgentConnection, transport: Any) -> None:
        H11Protocol.connection_made(self, transport)
        self._tls = transport.get_extra_info("ssl_object")
        self._application, self.app = self.app, self._serve

    patch(trust._Listener, "_made", with_tickets)
    patch(AgentConnection, "connection_made", begin)
    patch(identity, "check_leaf", lambda peer: peer in good or check(peer) or good.add(peer))


@WOS.against("identity.bundle-replaced")
def keeps_the_roots_of_yesterday(patch: Patch) -> None:
    """Does not take a new trust bundle before its next start."""
    patch(trust.Trust, "renew", lambda self: None)


@WOS.against("identity.refused-by-policy-403", consequences=("errors.type-registered", "identity.client-admitted"))
def denies_that_anything_is_here(patch: Patch) -> None:
    """Answers 404 to a client that its policy does not accept."""
    patch(problem, "_TITLES", problem._TITLES | {"not-authorized": (404, "Not Found")})


@WOS.against("identity.expired-while-connected")
def looks_at_a_certificate_once(patch: Patch) -> None:
    """Goes on with a connection whose certificate has expired."""
    check, good = identity.check_leaf, set[Peer]()
    patch(identity, "check_leaf", lambda peer: peer in good or check(peer) or good.add(peer))
