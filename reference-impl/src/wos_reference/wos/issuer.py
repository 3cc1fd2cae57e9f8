"""Issues SVIDs for certificate requests: only the key is taken from a request, everything else is decided here."""

import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wos_reference.wos.certificate import UNREADABLE

_CLOCKS_DIFFER_BY = datetime.timedelta(minutes=2)
_RSA_BITS = 3072
_USAGE = x509.KeyUsage(True, False, False, False, False, False, False, False, False)


class WrongCertificateRequest(Exception):
    """A request that cannot be fulfilled."""


class Issuer:
    """A certification authority below a root of the trust bundle.

    `chain_file` has its certificate first, then those between it and the root.
    """

    def __init__(self, chain_file: Path, key_file: Path, lifetime: datetime.timedelta) -> None:
        self._chain = x509.load_pem_x509_certificates(chain_file.read_bytes())
        self._key: Any = serialization.load_pem_private_key(key_file.read_bytes(), None)
        self._lifetime = lifetime

    def issue(self, request: x509.CertificateSigningRequest, spiffe_id: str) -> list[x509.Certificate]:
        """A leaf for the key of a request, and the intermediates that it needs."""
        now = datetime.datetime.now(datetime.UTC)
        issuer = self._chain[0]
        leaf = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "SVID")]))
            .issuer_name(issuer.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCKS_DIFFER_BY)
            .not_valid_after(min(now + self._lifetime, issuer.not_valid_after_utc))
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(spiffe_id)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_USAGE, critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()),  # type: ignore[arg-type]
                critical=False,
            )
        )
        intermediates = [certificate for certificate in self._chain if certificate.subject != certificate.issuer]
        return [leaf.sign(self._key, _hash_for(self._key)), *intermediates]


def _hash_for(key: Any) -> hashes.SHA256 | hashes.SHA384 | None:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    is_long = isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256
    return hashes.SHA384() if is_long else hashes.SHA256()


def read_request(content: bytes) -> x509.CertificateSigningRequest:
    """A certificate request in DER, signed with the key that it asks to certify.

    Raises:
        WrongCertificateRequest: it cannot be read, has a wrong signature, or its key is too weak.
    """
    try:
        request = x509.load_der_x509_csr(content)
        if not request.is_signature_valid:
            raise WrongCertificateRequest("the signature does not verify with the key of the request")
        key = request.public_key()
    except (*UNREADABLE, InvalidSignature) as error:
        raise WrongCertificateRequest("the certificate request cannot be read") from error
    if not _is_strong(key):
        raise WrongCertificateRequest("the key is too weak or of an unusual kind")
    return request


def _is_strong(key: Any) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= _RSA_BITS
    if isinstance(key, ec.EllipticCurvePublicKey):
        return isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1)
    return isinstance(key, ed25519.Ed25519PublicKey)


def key_digest(request: x509.CertificateSigningRequest) -> str:
    """What tells one public key from another."""
    spki = request.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(spki)
    return digest.finalize().hex()
