"""Visits an identity service: requests for certificates, and what the operations of EST and trust discovery want."""

import base64
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wos_conformance.drive.client import Answer, Visitor
from wos_conformance.drive.tls import service_context
from wos_conformance.drive.trust_domain import Svid
from wos_conformance.history import Credential, Recorder

SERVICE = "identity-service"
"""The flaw under which the history names who visits the service, for which the rules of the interface are not made."""
_EST = "/.well-known/est"
_USER = "enrol"


class Applicant:
    """Somebody who visits an identity service: with a one-time code, with an SVID, or with nothing."""

    def __init__(
        self,
        recorder: Recorder,
        url: str,
        anchors: Path,
        *,
        name: str = "nobody",
        spiffe_id: str | None = None,
        code: str | None = None,
        svid: Svid | None = None,
        dial: tuple[str, int] | None = None,
    ) -> None:
        """`name` says in the history what is shown; a code itself is struck out there."""
        self.spiffe_id = spiffe_id
        credential = Credential(name=name, spiffe_id=spiffe_id, flaw=SERVICE)
        context = service_context(svid, anchors.read_bytes())
        self._visitor = Visitor(recorder, url, svid, b"", credential=credential, context=context, dial=dial)
        self._headers: list[tuple[str, str]] = []
        if code is not None:
            basic = base64.b64encode(f"{_USER}:{code}".encode()).decode()
            recorder.redact(basic.encode())
            self._headers.append(("Authorization", f"Basic {basic}"))

    def roots(self) -> Answer:
        """Ask for the roots in force."""
        return self._visitor.request("GET", f"{_EST}/cacerts")

    def enrol(self, request: bytes) -> Answer:
        """Send a certificate request, in DER, for a first SVID."""
        return self._post("simpleenroll", request)

    def renew(self, request: bytes) -> Answer:
        """Send a certificate request, in DER, for a renewed SVID."""
        return self._post("simplereenroll", request)

    def get(self, path: str, etag: str | None = None) -> Answer:
        """Ask for a document of trust discovery."""
        headers = [("Accept", "application/json"), *([("If-None-Match", etag)] if etag else [])]
        return self._visitor.request("GET", path, headers)

    def close(self) -> None:
        """Close the connection for good."""
        self._visitor.close()

    def _post(self, operation: str, request: bytes) -> Answer:
        headers = [*self._headers, ("Content-Type", "application/pkcs10")]
        return self._visitor.request(
            "POST", f"{_EST}/{operation}", headers, base64.b64encode(request), may_repeat=False
        )


class Key:
    """A key that was made on a device, and the requests that are signed with it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def request(self, *names: x509.GeneralName, subject: str | None = None) -> bytes:
        """A PKCS #10 request in DER, which wishes for a subject and names if they are given."""
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, subject)] if subject else []
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def altered(request: bytes) -> bytes:
    """The same request with one bit of its signature changed."""
    return request[:-1] + bytes([request[-1] ^ 1])
