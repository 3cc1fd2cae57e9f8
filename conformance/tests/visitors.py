"""What the identity service of a WOS is asked by its visitors, and answers, for stories about it."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from visits import ONE, Visits
from wos_conformance.drive.enrolment import SERVICE

ISSUER = ec.generate_private_key(ec.SECP256R1())
PKCS7 = "Content-Type: application/pkcs7-mime; smime-type=certs-only"


def certificate(request: bytes, *names: str, key: Any = None) -> x509.Certificate:
    """What a service issues for a request, under these URIs and perhaps for another key."""
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(x509.Name([]))
    builder = builder.public_key(key or x509.load_der_x509_csr(request).public_key()).serial_number(7)
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(hours=1))
    uris = [x509.UniformResourceIdentifier(name) for name in names]
    builder = builder.add_extension(x509.SubjectAlternativeName(uris), critical=False)
    return builder.sign(ISSUER, hashes.SHA256())


def message(*certificates: x509.Certificate) -> bytes:
    """A certs-only CMS message in base64, with line breaks."""
    return base64.encodebytes(pkcs7.serialize_certificates(list(certificates), Encoding.DER))


def visitor(story: Visits, name: str = "code one", client: str | None = ONE) -> None:
    """Somebody visits the identity service."""
    story.connect(SERVICE, name=name, client=client)


def enrols(story: Visits, request: bytes, status: int, *answer: x509.Certificate, headers: str = PKCS7) -> None:
    """A request for a first certificate."""
    content = message(*answer) if answer else b""
    sent = base64.b64encode(request)
    story.asks("POST /.well-known/est/simpleenroll", status, headers, content, sent=sent)


def renews(story: Visits, request: bytes, status: int, content: bytes) -> None:
    """A request for a renewed certificate."""
    story.asks("POST /.well-known/est/simplereenroll", status, PKCS7, content, sent=base64.b64encode(request))


def discovers(story: Visits, **changes: Any) -> None:
    """Somebody asks where the trust bundle is."""
    visitor(story, "nobody", None)
    uri = "https://identity.example/roots.json"
    content = {"trustDomain": "plant.example", "trustBundleUri": uri} | changes
    story.asks("GET /.well-known/margo", 200, "", json.dumps(content).encode())


def bundle(sequence: int, *roots: bytes) -> bytes:
    """A trust bundle."""
    keys = [{"kty": "EC", "use": "x509-svid", "x5c": [base64.b64encode(der).decode()]} for der in roots]
    return json.dumps({"spiffe_sequence": sequence, "keys": keys}).encode()
