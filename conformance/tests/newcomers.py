"""What a newcomer asks an identity service, and gets from it, for stories about agents."""

import base64
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from story import DOMAIN, Story
from told import CLIENT
from wos_conformance.history import Connection

SERVICE = "identity-double"
EST = "/.well-known/est/"
BUNDLE = "/.well-known/spiffe/bundle.json"


def begins(story: Story, *, follows: bool = False) -> Connection:
    """An agent is started with an identity service, and dials it."""
    given = {} if follows else {"trustBundlePem": "roots"}
    story.start(identityService={"url": "https://localhost:1", "spiffeId": CLIENT}, **given)
    return story.connects(None, name=SERVICE)


def enrols(story: Story, at: Connection, request: bytes, status: int, seconds: float = 100, **facts: Any) -> bytes:
    """A certificate is asked for; the one that was issued, in DER."""
    operation = facts.pop("operation", "simpleenroll")
    key = x509.load_der_x509_csr(request).public_key() if status == 200 else None
    chain = DOMAIN.issued(CLIENT, key, seconds) if key else []
    content = base64.b64encode(pkcs7.serialize_certificates(chain, Encoding.DER)) if chain else b""
    headers = "Content-Type: application/pkcs7-mime\r\n" if chain else "Retry-After: 5\r\n"
    sent = base64.b64encode(request)
    story.asks(f"POST {EST}{operation}", status, headers, content, sent=sent, connection=at.connection, **facts)
    return chain[0].public_bytes(Encoding.DER) if chain else b""


def finds(story: Story, at: Connection, **members: Any) -> None:
    """A trust bundle is retrieved."""
    bundle = {"keys": [{"kty": "EC", "use": "x509-svid"}], **members}
    story.asks(f"GET {BUNDLE}", 200, content=json.dumps(bundle).encode(), connection=at.connection)
