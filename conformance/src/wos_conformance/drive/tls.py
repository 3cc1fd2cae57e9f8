"""TLS contexts from PEM texts; what the `ssl` module wants as files exists only while it reads them."""

import ssl
import tempfile
from pathlib import Path

from wos_conformance.drive.trust_domain import Svid

_OLD_SUITES = "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"


def client_context(svid: Svid | None, bundle_pem: bytes) -> ssl.SSLContext:
    """TLS 1.3 toward a WOS: the chain is verified against the bundle alone; the name in the URL is routing only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return _equipped(context, svid, bundle_pem)


def old_client_context(svid: Svid | None) -> ssl.SSLContext:
    """TLS 1.0 and 1.1 only, with every cipher that still exists; nothing is verified, because nothing shall succeed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
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


def _equipped(context: ssl.SSLContext, svid: Svid | None, bundle_pem: bytes | None) -> ssl.SSLContext:
    if bundle_pem is not None:
        context.load_verify_locations(cadata=bundle_pem.decode("ascii"))
    if svid is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "svid.pem"
            path.touch(mode=0o600)
            path.write_bytes(svid.key_pem + svid.chain_pem)
            context.load_cert_chain(path)
    return context
