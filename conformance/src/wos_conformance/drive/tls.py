"""TLS contexts from PEM texts; what the `ssl` module wants as files exists only while it reads them."""

import ssl
import tempfile
from pathlib import Path
from typing import Any, TypeVar

from wos_conformance.drive.trust_domain import Svid

C = TypeVar("C", bound=ssl.SSLContext)
OLD_PROTOCOLS = ("tls-1.2-only", "tls-1.2-cbc-only")
_OLD_SUITES = "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"


OFFERS = {
    "tls-1.1": (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
    "tls-1.2-only": (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM:ECDHE+CHACHA20"),
    "tls-1.2-cbc-only": (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, _OLD_SUITES),
    "tls-1.2-static-only": (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "kRSA:kDHE:!aNULL:@SECLEVEL=0"),
    "tls-1.2-or-1.3": (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3, "ECDHE+AESGCM:ECDHE+CHACHA20"),
}
"""Offers other than TLS 1.3 alone, by the flaw that the history names: oldest and newest version, suites."""


class ClosingSocket(ssl.SSLSocket):
    """Closes itself when its connection was reset, which `ssl` forgets when that happens before the handshake."""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """As its parent does."""
        try:
            return super().recv(buflen, flags)
        except ConnectionResetError:
            self.close()
            raise


class ClientContext(ssl.SSLContext):
    """A context whose next connections offer `session_offered` for resumption."""

    sslsocket_class = ClosingSocket
    session_offered: ssl.SSLSession | None = None
    certificate_sent: bool = False
    """Whether a certificate went out in the handshake of the last connection."""

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """As its parent does, with the session."""
        self.certificate_sent = False
        return super().wrap_socket(*arguments, **options | {"session": self.session_offered})

    def watch(self, _connection: Any, direction: str, _version: Any, _content: Any, kind: Any, message: bytes) -> None:
        """Look at each message of a handshake; one that holds no certificate is a few bytes long."""
        if direction == "write" and getattr(kind, "name", "") == "CERTIFICATE":
            self.certificate_sent = len(message) > 64


def client_context(svid: Svid | None, bundle_pem: bytes) -> ClientContext:
    """TLS 1.3 toward a WOS: the chain is verified against the bundle alone; the name in the URL is routing only.

    Weak certificates can be shown, because refusing them is the part of the WOS.
    """
    context = ClientContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context._msg_callback = context.watch  # type: ignore[attr-defined]
    if svid is not None and svid.flaw in ("rsa-2048", "sha-1"):
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return _equipped(context, svid, bundle_pem)


def service_context(svid: Svid | None, anchors_pem: bytes) -> ClientContext:
    """TLS 1.2 or newer toward an identity service, whose certificate chains to the anchors and has its host name."""
    context = ClientContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return _equipped(context, svid, anchors_pem)


def old_client_context(svid: Svid | None, offer: str) -> ssl.SSLContext:
    """One of the OFFERS; nothing is verified, because it is the WOS that has to refuse."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    oldest, newest, suites = OFFERS[offer]
    context.set_ciphers(suites)
    context.minimum_version, context.maximum_version = oldest, newest
    return _equipped(context, svid, None)


def server_context(svid: Svid, bundle_pem: bytes, old: str | None = None) -> ssl.SSLContext:
    """TLS 1.3 and 1.2 toward an agent, whose certificate is required; which version it offers is judged later.

    `old` names what is offered instead: `tls-1.2-only`, or `tls-1.2-cbc-only` with suites that nobody should take.
    Weak certificates can be shown, because refusing them is the agent's part.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0
    context.set_ciphers(_OLD_SUITES if old == "tls-1.2-cbc-only" else "DEFAULT:@SECLEVEL=0")
    if old is not None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return _equipped(context, svid, bundle_pem)


def identity_context(svid: Svid, bundle_pem: bytes) -> ssl.SSLContext:
    """TLS 1.3 of an identity service, to whom an agent may show a certificate below the trust bundle, or none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    return _equipped(context, svid, bundle_pem)


def registry_context(svid: Svid) -> ssl.SSLContext:
    """TLS 1.2 or newer of a registry, which asks nobody for a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0
    return _equipped(context, svid, None)


def _equipped(context: C, svid: Svid | None, bundle_pem: bytes | None) -> C:
    if bundle_pem is not None:
        context.load_verify_locations(cadata=bundle_pem.decode("ascii"))
    if svid is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "svid.pem"
            path.touch(mode=0o600)
            path.write_bytes(svid.key_pem + svid.chain_pem)
            context.load_cert_chain(path)
    return context
