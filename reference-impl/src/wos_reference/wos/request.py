"""Requests of the operator are carried out once: the answer to each `requestId` is kept for a while."""

import hashlib
import json
import time
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from wos_reference.wos.lock import lock
from wos_reference.wos.storage import requests

_KEPT_SECONDS = 24 * 3600


class OtherRequest(Exception):
    """The same `requestId` came with another body before."""


def digest_of(verb: str, arguments: dict[str, Any]) -> str:
    """What tells one request from another."""
    return hashlib.sha256(json.dumps([verb, arguments], sort_keys=True).encode()).hexdigest()


def answered(connection: Connection, request_id: str, digest: str) -> dict[str, Any] | None:
    """The answer that a request was given before; until the transaction ends, nobody else carries it out.

    Raises:
        OtherRequest: that was another request.
    """
    lock(connection, f"request {request_id}")
    found = connection.execute(select(requests).where(requests.c.request_id == request_id)).first()
    if found is None:
        return None
    if found.digest != digest:
        raise OtherRequest(f"the request {request_id} had another body before")
    answer: dict[str, Any] = json.loads(found.answer)
    return answer


def remember(connection: Connection, request_id: str, digest: str, answer: dict[str, Any]) -> None:
    """Keep the answer to a request, and forget those of long ago."""
    now = int(time.time())
    connection.execute(delete(requests).where(requests.c.answered_at < now - _KEPT_SECONDS))
    row = {"request_id": request_id, "digest": digest, "answer": json.dumps(answer), "answered_at": now}
    connection.execute(insert(requests).values(row))
