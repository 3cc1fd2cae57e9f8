"""Who may talk to a WOS, and what the WOS itself shows (identity.md)."""

import re
from collections.abc import Callable, Iterator

from cryptography import x509

from wos_conformance.history import Connection, Control, ExchangeView, History
from wos_conformance.judges.capabilities.record import Announcement, Doubt, key_of, replayed
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.model import replay
from wos_conformance.judges.reading import has_problem, served, told

_SEGMENT = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+"
WOS_ID = re.compile(rf"spiffe://[^/]+/margo/wfm/{_SEGMENT}")
_GOOD_SUITE = re.compile(r"ECDHE-(ECDSA|RSA)-(AES128-GCM-SHA256|AES256-GCM-SHA384|CHACHA20-POLY1305)")
_REFUSED = (401, 403)
_NOT_SENT = "not sent"
_OUR_REFUSAL = "certificate_verify_failed"


def uri_names(der: bytes) -> list[str] | None:
    """The URI names of a certificate; None when it cannot be read."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    except ValueError:
        return None
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _good_connections(history: History) -> Iterator[Connection]:
    for connection in history.of(Connection):
        if connection.by == "suite" and connection.credential.flaw is None:
            yield connection


@judge("identity.wos-id-shape")
def wos_shows_id_of_a_wos(history: History) -> Occasions:
    """The leaf of the WOS has one URI name, of the right form."""
    for connection in _good_connections(history):
        if not connection.peer:
            continue
        names = uri_names(history.body(connection.peer[0]))
        if names is not None and len(names) == 1 and WOS_ID.fullmatch(names[0]):
            yield kept(connection)
        else:
            expected = "one URI name spiffe://<trust-domain>/margo/wfm/<wos-id>"
            yield broken(connection, did="connected", expected=expected, received=f"{names}")


@judge("identity.wos-tls-version")
def wos_negotiates_tls_1_3(history: History) -> Occasions:
    """An offer of TLS 1.3, alone or beside TLS 1.2, ends in TLS 1.3."""
    for connection in (*_good_connections(history), *_offers(history, "tls-1.2-or-1.3")):
        if connection.outcome == "established" and connection.tls_version == "TLSv1.3":
            yield kept(connection)
        elif connection.outcome == "established":
            received = str(connection.tls_version)
            yield broken(connection, did="offered TLS 1.3", expected="TLS 1.3", received=received)
        elif "protocol" in (connection.failure or "").lower() and not connection.is_break:
            received = f"no handshake: {connection.failure}"
            yield broken(connection, did="offered TLS 1.3", expected="TLS 1.3", received=received)


@judge("identity.wos-chain-sent")
def wos_sends_its_chain(history: History) -> Occasions:
    """The chain that the WOS sends ends at the trust bundle, which holds the root alone."""
    for connection in _good_connections(history):
        if connection.outcome == "established":
            yield kept(connection)
        elif "issuer certificate" in (connection.failure or ""):
            expected = "leaf and all intermediates below the trust bundle"
            yield broken(connection, did="connected", expected=expected, received=str(connection.failure))


def _offers(history: History, *names: str) -> Iterator[Connection]:
    """Offers of an old version of TLS by peers with a good certificate."""
    for connection in history.of(Connection):
        if connection.by == "suite" and connection.credential.flaw in names:
            yield connection


@judge("identity.wos-old-tls-refused")
def wos_refuses_old_tls(history: History) -> Occasions:
    """An offer of nothing newer than TLS 1.1 ends in no handshake."""
    for connection in _offers(history, "tls-1.1"):
        yield from _no_handshake(connection, "offered TLS 1.1 and 1.0 only")


@judge("identity.wos-tls-1-2-off")
def wos_refuses_tls_1_2(history: History) -> Occasions:
    """Without the feature an offer of nothing newer than TLS 1.2 ends in no handshake."""
    if "tls-1.2" in history.header.features:
        return
    for connection in _offers(history, "tls-1.2-only"):
        yield from _no_handshake(connection, "offered TLS 1.2 only")


@judge("identity.wos-tls-1-2-suites")
def wos_takes_good_suites_only(history: History) -> Occasions:
    """A handshake in TLS 1.2 uses ECDHE with AES-GCM or ChaCha20-Poly1305."""
    for connection in _offers(history, "tls-1.2-only", "tls-1.2-cbc-only", "tls-1.2-static-only"):
        if connection.outcome == "established" and _GOOD_SUITE.fullmatch(connection.cipher or ""):
            yield kept(connection)
        elif connection.credential.flaw != "tls-1.2-only":
            yield from _no_handshake(connection, f"offered what the name {connection.credential.flaw!r} says")


def _no_handshake(connection: Connection, did: str) -> Occasions:
    if connection.outcome == "established":
        received = f"a handshake in {connection.tls_version} with {connection.cipher}"
        yield broken(connection, did=did, expected="no handshake", received=received)
    elif connection.outcome == "handshake-failed":
        yield kept(connection)


def _refusals(history: History, flaws: tuple[str, ...]) -> Occasions:
    asked: dict[str, list[ExchangeView]] = {}
    for view in history.exchanges():
        asked.setdefault(view.connection, []).append(view)
    for connection in history.of(Connection):
        if connection.by == "suite" and connection.credential.flaw in flaws:
            yield from _refusal(connection, asked.get(connection.connection, []))


def _refusal(connection: Connection, exchanges: list[ExchangeView]) -> Occasions:
    sent = connection.credential.name != _NOT_SENT
    if sent and connection.outcome == "handshake-failed" and _OUR_REFUSAL not in (connection.failure or "").lower():
        yield kept(connection)
    for view in exchanges:
        if is_refused(view):
            yield from [kept(view)] if sent else []
        elif view.status is not None:
            did = f"{view.method} {view.target[:80]} as a peer with the flaw {connection.credential.flaw!r}"
            expected = "no answer, or status 401 or 403"
            yield broken(view, did=did, expected=expected, received=f"status {view.status}")


def is_refused(view: ExchangeView) -> bool:
    """Whether a request met a refusal: no answer, because the WOS wished so, or 401 or 403."""
    return view.status in _REFUSED or view.turned_away


_FLAWS = {
    "identity.certificate-required": ("none",),
    "identity.chain-verified": ("unknown-root", "missing-intermediate"),
    "identity.validity-checked": ("expired-leaf", "not-yet-valid-leaf", "expired-intermediate"),
    "identity.trust-domain-matched": ("other-trust-domain",),
    "identity.wos-id-matched": ("other-wos-id", "case-variant"),
    "identity.path-shape-exact": ("wos-shaped", "extra-segment", "no-client-segment", "no-wos-segment"),
    "identity.one-uri-name": ("no-uri-san", "dns-only", "two-uri-sans"),
    "identity.leaf-constraints": ("ca-leaf", "key-cert-sign"),
    "identity.client-usage-required": ("server-usage-only",),
    "identity.weak-certificate-refused": ("rsa-2048", "sha-1"),
    "identity.bundle-replaced": ("replaced-root",),
    "identity.client-admitted": ("unlisted",),
}


def _refusal_judge(flaws: tuple[str, ...]) -> Callable[[History], Iterator[Judgement]]:
    def flawed_peer_is_refused(history: History) -> Occasions:
        """A peer with this flaw is not served."""
        return _refusals(history, flaws)

    return flawed_peer_is_refused


for _requirement, _flaws in _FLAWS.items():
    judge(_requirement)(_refusal_judge(_flaws))


@judge("identity.refused-by-policy-403")
def policy_refuses_with_403(history: History) -> Occasions:
    """A valid peer that is not accepted is told so."""
    for view in history.exchanges():
        credential = history.credential(view.connection)
        if credential is None or credential.flaw != "unlisted" or not (view.status or view.turned_away):
            continue
        if has_problem(view, 403, "not-authorized"):
            yield kept(view)
        else:
            received = told(view) if view.status else "no answer"
            yield broken(view, expected="status 403 with the type 'not-authorized'", received=received)


@judge("identity.policy-per-request")
def retired_client_is_refused(history: History) -> Occasions:
    """After a client was retired, each request of it is refused."""
    admitted = [(control.seq, control.request.get("spiffeId")) for control in history.controls("admit")]
    for retirement in history.controls("retire"):
        client = str(retirement.request.get("spiffeId"))
        again = min((seq for seq, who in admitted if who == client and seq > retirement.seq), default=None)
        for view in history.exchanges(client=client):
            if view.started < retirement.ended or (again is not None and view.seq > again):
                continue
            if is_refused(view):
                yield kept(view)
            elif view.status is not None:
                did = f"retired the client, then {view.method} {view.target[:80]}"
                yield broken(view, did=did, expected="no answer, or status 401 or 403", received=told(view))


@judge("identity.caller-from-svid")
def device_records_are_apart(history: History) -> Occasions:
    """What one client does to a device id is nothing to another client that uses the same id."""
    users: dict[str, set[str]] = {}
    for moment, records in replayed(history):
        if isinstance(moment, Control | Doubt):
            continue
        view = moment.view if isinstance(moment, Announcement) else moment
        statuses = (201, 200) if isinstance(moment, Announcement) else (404, 204)
        if view.status not in statuses or (isinstance(moment, Announcement) and not moment.right):
            continue
        key = key_of(view)
        others = users.setdefault(key[1], set())
        if others - {view.client} and records.is_sure(key):
            yield _by_own_doing(view, statuses[key in records.present])
        others.add(view.client)


def _by_own_doing(view: ExchangeView, expected: int) -> Judgement:
    if view.status == expected:
        return kept(view)
    why = f"status {expected}, because of what this client did before and not of what another one did"
    return broken(view, expected=why, received=f"status {view.status}")


@judge("identity.scope-isolated")
def nobody_sees_what_belongs_to_another(history: History) -> Occasions:
    """Artifacts and manifests go to the client that they were made for and to no other."""
    owners: dict[str, set[str]] = {}
    for view, model in replay(history, served(history)):
        if view.operation == "manifest" and view.status == 200:
            names = _names_in(view)
            for digest in names[1]:
                owners.setdefault(digest, set()).add(view.client)
            foreign = [name for name in names[0] if model.owners.get(name, view.client) != view.client]
            if foreign:
                received = f"deployment {foreign[0]}, which belongs to {model.owners[foreign[0]]}"
                yield broken(view, expected="deployments of the caller only", received=received)
            elif set(model.owners.values()) - {view.client}:
                yield kept(view)
        elif view.operation in ("document", "bundle"):
            owner = owners.get(view.parameters["digest"], {view.client})
            if view.client in owner:
                continue
            if (view.status or 0) < 400:
                received = f"status {view.status} for what was published to {min(owner)}"
                yield broken(view, expected="status 404", received=received)
            else:
                yield kept(view)


def _names_in(view: ExchangeView) -> tuple[list[str], list[str]]:
    """Deployment ids and digests in a manifest, as far as it can be read."""
    try:
        manifest = view.json()
        entries = [entry for entry in manifest["deployments"] if isinstance(entry, dict)]
        digests = [str(entry.get("digest")) for entry in entries]
        bundle = manifest.get("bundle")
    except (ValueError, TypeError, KeyError, AttributeError):
        return [], []
    if isinstance(bundle, dict):
        digests.append(str(bundle.get("digest")))
    return [str(entry.get("deploymentId")) for entry in entries], digests
