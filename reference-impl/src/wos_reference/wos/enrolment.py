"""One-time codes: each belongs to one SPIFFE id, and to the first public key with which it comes (onboarding.md)."""

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from wos_reference.wos.fleet import Conflict
from wos_reference.wos.lock import lock
from wos_reference.wos.storage import enrolments

_VALID_SECONDS = 30 * 24 * 3600


class CodeRefused(Exception):
    """The code is unknown, too old, or belongs to another key."""


@dataclass(frozen=True)
class Enrolment:
    """Who enrols, and whether an approval is missing."""

    spiffe_id: str
    waits: bool


def new_code(connection: Connection, spiffe_id: str, approval: bool) -> str:
    """A code for a client; with `approval`, it is worth nothing before the operator has said so."""
    code = secrets.token_urlsafe(18)
    now = int(time.time())
    connection.execute(delete(enrolments).where(enrolments.c.created_at < now - _VALID_SECONDS))
    row = {"code_digest": _digest(code), "spiffe_id": spiffe_id, "approved": not approval, "created_at": now}
    connection.execute(insert(enrolments).values(row))
    return code


def knows(connection: Connection, code: str) -> bool:
    """Whether a code may still be used by somebody."""
    return _find(connection, code) is not None


def use_code(connection: Connection, code: str, key_digest: str) -> Enrolment:
    """Bind a code to a key, or see that it is bound to this one.

    Raises:
        CodeRefused: it is unknown, too old, or belongs to another key.
    """
    lock(connection, f"code {_digest(code)}")
    row = _find(connection, code)
    if row is None or row.key_digest not in (None, key_digest):
        raise CodeRefused
    bound = update(enrolments).where(enrolments.c.code_digest == row.code_digest)
    connection.execute(bound.values(key_digest=key_digest))
    return Enrolment(row.spiffe_id, not row.approved)


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


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
