"""The roots that are in force: those of the configured file, or those that the operator has put in their place.

Every trust bundle has a number, greater than the one before; all replicas take the newest from the database.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Connection, insert, select

from wos_reference.wos.certificate import read_pem
from wos_reference.wos.lock import lock
from wos_reference.wos.storage import trust_bundles

_REFRESH_HINT_SECONDS = 300


@dataclass(frozen=True)
class TrustBundle:
    """A number and the roots in PEM."""

    sequence: int
    pem: str

    @property
    def roots(self) -> list[x509.Certificate]:
        """The roots as certificates."""
        return x509.load_pem_x509_certificates(self.pem.encode())


def in_force(connection: Connection) -> TrustBundle:
    """The newest trust bundle."""
    newest = select(trust_bundles).order_by(trust_bundles.c.sequence.desc()).limit(1)
    row = connection.execute(newest).one()
    return TrustBundle(row.sequence, row.roots)


def take_file(connection: Connection, content: bytes) -> None:
    """Take the roots in the configured file, unless they were taken before.

    Raises:
        ValueError: there is no root in it, or one with a key of an unusual kind.
    """
    lock(connection, "trust bundle")
    digest = hashlib.sha256(content).hexdigest()
    newest = select(trust_bundles.c.file_digest).order_by(trust_bundles.c.sequence.desc()).limit(1)
    if connection.execute(newest).scalar() != digest:
        _put(connection, content.decode(), digest)


def replace(connection: Connection, pem: str) -> None:
    """Put other roots in the place of those in force, until the configured file changes.

    Raises:
        ValueError: there is no root in it, or one with a key of an unusual kind.
    """
    lock(connection, "trust bundle")
    newest = select(trust_bundles).order_by(trust_bundles.c.sequence.desc()).limit(1)
    row = connection.execute(newest).one()
    if row.roots != pem:
        _put(connection, pem, row.file_digest)


def _put(connection: Connection, pem: str, file_digest: str) -> None:
    for root in read_pem(pem.encode()):  # what cannot be told to agents is not accepted
        _jwk(root)
    last = connection.execute(select(trust_bundles.c.sequence).order_by(trust_bundles.c.sequence.desc())).scalar()
    row = {"sequence": (last or 0) + 1, "roots": pem, "file_digest": file_digest}
    connection.execute(insert(trust_bundles).values(row))


def spiffe_document(bundle: TrustBundle) -> dict[str, Any]:
    """A trust bundle in the format of SPIFFE."""
    return {
        "keys": [_jwk(root) for root in bundle.roots],
        "spiffe_sequence": bundle.sequence,
        "spiffe_refresh_hint": _REFRESH_HINT_SECONDS,
    }


def _jwk(root: x509.Certificate) -> dict[str, Any]:
    """A root as a JSON Web Key (RFC 7517, RFC 8037)."""
    content = base64.b64encode(root.public_bytes(Encoding.DER)).decode()
    return {"use": "x509-svid", "x5c": [content], **_key_members(root.public_key())}


def _key_members(key: Any) -> dict[str, str]:
    if isinstance(key, ec.EllipticCurvePublicKey):
        numbers, length = key.public_numbers(), (key.curve.key_size + 7) // 8
        curve = f"P-{key.curve.key_size}"
        return {"kty": "EC", "crv": curve, "x": _number(numbers.x, length), "y": _number(numbers.y, length)}
    if isinstance(key, rsa.RSAPublicKey):
        modulus, exponent = key.public_numbers().n, key.public_numbers().e
        return {"kty": "RSA", "n": _number(modulus, key.key_size // 8), "e": _number(exponent, 3)}
    if isinstance(key, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": _url64(key.public_bytes(Encoding.Raw, PublicFormat.Raw))}
    raise ValueError("a root has a key of an unusual kind")


def _number(value: int, length: int) -> str:
    return _url64(value.to_bytes(length, "big"))


def _url64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
