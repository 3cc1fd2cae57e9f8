"""What somebody enrols with (onboarding.md): each credential belongs to one SPIFFE id.

A one-time code belongs to the first public key with which it comes, too; a factory certificate is accepted as often as
its device begins anew.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection, Row, delete, insert, select, update

from wos_reference.wos.certificate import read_pem
from wos_reference.wos.fleet import Conflict
from wos_reference.wos.identity import read_peer
from wos_reference.wos.lock import lock
from wos_reference.wos.storage import enrolments

_VALID_SECONDS = 30 * 24 * 3600


class CredentialRefused(Exception):
    """The credential is unknown, too old, or belongs to another key."""


@dataclass(frozen=True)
class Enrolment:
    """Who enrols, and whether an approval is missing."""

    spiffe_id: str
    waits: bool


def new_code(connection: Connection, spiffe_id: str, approval: bool) -> str:
    """A code for a client; with `approval`, it is worth nothing before the operator has said so."""
    code = secrets.token_urlsafe(18)
    now = int(time.time())
    old = enrolments.c.created_at < now - _VALID_SECONDS, enrolments.c.certificate.is_(None)
    connection.execute(delete(enrolments).where(*old))
    row = {"code_digest": _digest(code), "spiffe_id": spiffe_id, "approved": not approval, "created_at": now}
    connection.execute(insert(enrolments).values(row))
    return code


def knows(connection: Connection, code: str) -> bool:
    """Whether a code may still be used by somebody."""
    return _find(connection, code) is not None


def use_code(connection: Connection, code: str, key_digest: str) -> Enrolment:
    """Bind a code to a key, or see that it is bound to this one.

    Raises:
        CredentialRefused: it is unknown, too old, or belongs to another key.
    """
    lock(connection, f"code {_digest(code)}")
    row = _find(connection, code)
    if row is None or row.key_digest not in (None, key_digest):
        raise CredentialRefused
    bound = update(enrolments).where(enrolments.c.code_digest == row.code_digest)
    connection.execute(bound.values(key_digest=key_digest))
    return Enrolment(row.spiffe_id, not row.approved)


def keep_certificate(connection: Connection, spiffe_id: str, pem: str, approval: bool) -> None:
    """Say which client has this factory certificate; who had it before has it no longer.

    Raises:
        ValueError: it is no certificate, or more than one, or it could vouch for others.
    """
    (certificate,) = read_pem(pem.encode())
    content = certificate.public_bytes(Encoding.DER)
    if certificate.version is not x509.Version.v3 or read_peer(content).may_sign:
        raise ValueError("a factory certificate is that of one device, and signs no others")
    kept = certificate.public_bytes(Encoding.PEM).decode()
    name = _digest_of_certificate(content)
    connection.execute(delete(enrolments).where(enrolments.c.code_digest == name))
    row = {"code_digest": name, "spiffe_id": spiffe_id, "approved": not approval, "created_at": int(time.time())}
    connection.execute(insert(enrolments).values(row | {"certificate": kept}))


def certificates(connection: Connection) -> str:
    """All factory certificates in PEM."""
    kept = select(enrolments.c.certificate).where(enrolments.c.certificate.is_not(None))
    return "".join(connection.execute(kept.order_by(enrolments.c.code_digest)).scalars())


def use_certificate(connection: Connection, content: bytes, key_digest: str) -> Enrolment:
    """Whose factory certificate this is (DER).

    Raises:
        CredentialRefused: it is nobody's.
    """
    name = _digest_of_certificate(content)
    lock(connection, f"code {name}")
    row = connection.execute(select(enrolments).where(enrolments.c.code_digest == name)).first()
    if row is None:
        raise CredentialRefused
    connection.execute(update(enrolments).where(enrolments.c.code_digest == name).values(key_digest=key_digest))
    return Enrolment(row.spiffe_id, not row.approved)


def has_certificate(connection: Connection, content: bytes) -> bool:
    """Whether somebody has this factory certificate (DER)."""
    found = select(enrolments.c.spiffe_id).where(enrolments.c.code_digest == _digest_of_certificate(content))
    return connection.execute(found).first() is not None


def approve(connection: Connection, spiffe_id: str) -> None:
    """Approve the enrolments of a client that wait.

    Raises:
        Conflict: none waits.
    """
    waiting = enrolments.c.spiffe_id == spiffe_id, ~enrolments.c.approved, enrolments.c.key_digest.is_not(None)
    if not connection.execute(update(enrolments).where(*waiting).values(approved=True)).rowcount:
        raise Conflict(f"no enrolment of {spiffe_id} waits")


def _find(connection: Connection, code: str) -> Row[Any] | None:
    found = select(enrolments).where(enrolments.c.code_digest == _digest(code))
    return connection.execute(found.where(enrolments.c.created_at >= int(time.time()) - _VALID_SECONDS)).first()


def _digest_of_certificate(content: bytes) -> str:
    return f"certificate {hashlib.sha256(content).hexdigest()}"


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
