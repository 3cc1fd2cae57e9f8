"""What is known of the identity service: who visited it with what, certificates and requests in their messages."""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from wos_conformance.history import Control, Credential, ExchangeView, History
from wos_conformance.judges.reading import media_type

EST = "/.well-known/est/"
_SERVICE = "identity-service"
_UNSURE = (408, 413, 429, 503)
_CERTIFICATES = "application/pkcs7-mime"
_FOR_EVER = float("inf")


@dataclass(frozen=True)
class Visit:
    """One exchange with the identity service, and what the visitor had to show."""

    view: ExchangeView
    credential: Credential

    @property
    def has_code(self) -> bool:
        """Whether a one-time code was shown."""
        return self.credential.name.startswith("code")

    @property
    def request(self) -> x509.CertificateSigningRequest | None:
        """The certificate request that was sent."""
        try:
            return x509.load_der_x509_csr(base64.b64decode(self.view.request_body))
        except ValueError:
            return None

    @property
    def certificates(self) -> list[x509.Certificate]:
        """The certificates that were sent; empty when they cannot be read."""
        der = message_of(self.view)
        try:
            return pkcs7.load_der_pkcs7_certificates(der) if der is not None else []
        except ValueError:
            return []

    @property
    def issued(self) -> x509.Certificate | None:
        """The certificate for the key of the request; else the first one that is no authority."""
        request, found = self.request, self.certificates
        own = (c for c in found if request is not None and key_of(c) == key_of(request))
        return next(own, None) or next((c for c in found if not _is_authority(c)), None)


def visits(history: History, operation: str | None = None) -> Iterator[Visit]:
    """Whole exchanges with the identity service that no overload explains, of one operation of EST or of all."""
    for view in history.exchanges():
        credential = history.credential(view.connection)
        if credential is None or credential.flaw != _SERVICE or view.failure or view.status in (None, *_UNSURE):
            continue
        if operation is None or view.path == EST + operation:
            yield Visit(view, credential)


def key_of(one: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    """The SubjectPublicKeyInfo in DER."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return one.public_key().public_bytes(serialization.Encoding.DER, form)


def is_proven(request: x509.CertificateSigningRequest | None) -> bool:
    """Whether a request can be read and is signed with its own key."""
    return request is not None and request.is_signature_valid


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def message_of(view: ExchangeView) -> bytes | None:
    """The CMS message in an answer, in DER; None when it is no base64."""
    try:
        return base64.b64decode(b"".join((view.content or b"").split()), validate=True)
    except binascii.Error:
        return None


def fault_of(view: ExchangeView) -> str | None:
    """What is wrong with the form in which certificates came; None when nothing is."""
    if media_type(view.header("content-type")) != _CERTIFICATES:
        return f"Content-Type: {view.header('content-type')}"
    der = message_of(view)
    if not der:
        return "no base64"
    try:
        pkcs7.load_der_pkcs7_certificates(der)
        return "a message with signers" if _has_signers(der) else None
    except (ValueError, IndexError):
        return "no certs-only CMS message"


def _has_signers(der: bytes) -> bool:
    """Whether the last element of a SignedData, its signers, holds anything."""
    content_info = _elements(_elements(der)[0][1])
    signed_data = _elements(_elements(content_info[1][1])[0][1])
    tag, signers = signed_data[-1]
    return tag != 0x31 or signers != b""


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """The DER elements in a sequence of bytes, with their tags."""
    found: list[tuple[int, bytes]] = []
    while der:
        length, begin = der[1], 2
        if length & 0x80:
            begin += length & 0x7F
            length = int.from_bytes(der[2:begin], "big")
        found.append((der[0], der[begin : begin + length]))
        der = der[begin + length :]
    return found


def roots_at(history: History, view: ExchangeView) -> set[str] | None:
    """The digests of the roots that are in force; None while they change, or when nobody knows them."""
    roots = set(history.header.roots)
    for control in history.controls("rotate_trust"):
        if control.started <= view.ended and view.started <= control.ended:
            return None
        if control.ended < view.started:
            roots = _digests(control)
    return roots or None


def _digests(rotation: Control) -> set[str]:
    pem = str(rotation.request.get("trustBundlePem", "")).encode()
    return {digest_of(certificate) for certificate in x509.load_pem_x509_certificates(pem)}


def digest_of(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate, in hexadecimal digits."""
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def is_retired(history: History, client: str | None, moment: float) -> bool:
    """Whether the policy has last said no to a client before this moment, and been asked since for nothing else."""
    return _last(history, "retire", client, moment) > _last(history, "admit", client, moment)


def _last(history: History, verb: str, client: str | None, moment: float) -> float:
    """When this was last done with a client before a moment; a moment before all others when it never was."""
    ends = (c.ended for c in history.controls(verb) if c.request.get("spiffeId") == client and c.ended <= moment)
    return max(ends, default=-1.0)
