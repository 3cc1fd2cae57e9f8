"""Who the agent is and how it knows its WOS: by the SPIFFE id in the leaf, inside the TLS handshake (`identity.md`)."""

import re
import ssl
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

SEGMENT = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+"
AGENT_ID = re.compile(rf"(spiffe://[a-z0-9._-]+/margo/wfm/{SEGMENT})/client/{SEGMENT}")
LEAST_RSA_BITS = 3072


class IdentityError(Exception):
    """The agent's own SVID is not that of an agent."""


def own_spiffe_id(svid: Path) -> str:
    """The SPIFFE id of the first certificate in the PEM file `svid`. Raises IdentityError."""
    try:
        names = uri_names(x509.load_pem_x509_certificate(svid.read_bytes()))
    except (OSError, ValueError) as error:
        raise IdentityError(f"cannot read the SVID {svid}: {error}") from error
    if len(names) != 1:
        raise IdentityError(f"the SVID has {len(names)} URI names; expected exactly one")
    return names[0]


def expected_wos_id(agent_id: str) -> str:
    """The id of the one WOS that `agent_id` belongs to: everything before `/client/`. Raises IdentityError."""
    match = AGENT_ID.fullmatch(agent_id)
    if match is None:
        raise IdentityError(f"{agent_id!r} is not the SPIFFE id of an agent")
    return match[1]


def uri_names(certificate: x509.Certificate) -> list[str]:
    """All URIs among the subject alternative names, in order."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def may_sign_certificates(certificate: x509.Certificate) -> bool:
    """Whether the certificate may sign certificates or revocation lists, by its constraints or by its key usage."""
    extensions = certificate.extensions
    try:
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return True
    except x509.ExtensionNotFound:
        pass
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        return usage.key_cert_sign or usage.crl_sign
    except x509.ExtensionNotFound:
        return False


def may_serve(certificate: x509.Certificate) -> bool:
    """Whether the certificate may stand for a server: it does not restrict its use, or names that one."""
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.SERVER_AUTH in usages


def is_strong(certificate: x509.Certificate) -> bool:
    """Whether neither the key nor the signature is weaker than `identity.md` allows."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
        return False
    algorithm = certificate.signature_hash_algorithm
    return algorithm is None or algorithm.digest_size >= hashes.SHA256.digest_size


def verify_wos_leaf(leaf: bytes, wos_id: str) -> None:
    """Check the DER leaf of the peer against `identity.agent-verifies-*`. Raises ssl.SSLCertVerificationError."""
    try:
        certificate = x509.load_der_x509_certificate(leaf)
        names, signs = uri_names(certificate), may_sign_certificates(certificate)
        suits = may_serve(certificate) and is_strong(certificate)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ssl.SSLCertVerificationError(f"the certificate of the peer cannot be read: {error}") from error
    if names != [wos_id]:
        raise ssl.SSLCertVerificationError(f"the peer is {names}, not {wos_id}")
    if signs:
        raise ssl.SSLCertVerificationError(f"the leaf of {wos_id} may sign certificates")
    if not suits:
        raise ssl.SSLCertVerificationError(f"the leaf of {wos_id} is weak or not meant for a server")


def tls_context(svid: Path, key: Path, trust_bundle: Path) -> ssl.SSLContext:
    """TLS 1.3 or newer, mutual, and the trust bundle as the only anchors. Raises OSError for unusable files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the URL is for routing only; who the peer is stands in its SPIFFE id
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(trust_bundle)
    context.load_cert_chain(svid, key)
    return context


def expect_wos(context: ssl.SSLContext, wos_id: str, remaining: Callable[[], float]) -> None:
    """Let sockets of `context` finish their handshake with `wos_id` only, and wait no longer than `remaining()` s.

    The deadline is kept here because a read timeout starts anew with every byte that a slow peer drips.
    """

    class WosSocket(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            self.settimeout(remaining())
            super().do_handshake(block)
            verify_wos_leaf(self.getpeercert(True) or b"", wos_id)

        def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
            self.settimeout(remaining())
            return super().recv(buflen, flags)

    context.sslsocket_class = WosSocket
