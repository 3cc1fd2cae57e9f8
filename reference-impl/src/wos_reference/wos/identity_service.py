"""The identity service: enrolment by EST (openapi/enrolment.yaml) and trust discovery (openapi/trust.yaml).

It has a listener of its own, because who enrols has no SVID yet.
"""

import base64
import binascii
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from werkzeug.datastructures import Authorization, MIMEAccept
from werkzeug.http import parse_accept_header, parse_options_header

from wos_reference.wos import enrolment, trust_bundle
from wos_reference.wos.artifact import digest_of
from wos_reference.wos.body import TooLarge, body_of
from wos_reference.wos.enrolment import CredentialRefused
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.identity import IdentityError, caller
from wos_reference.wos.interface import matches
from wos_reference.wos.issuer import Issuer, WrongCertificateRequest, key_digest, read_request
from wos_reference.wos.problem import Refusal, plain_problem, problem, transient_problem
from wos_reference.wos.trust import Trust

_REQUEST_AT_MOST = 64 << 10
_ENROL_USER = "enrol"


class IdentityService:
    """Issues SVIDs for one WOS, and says which roots are in force."""

    def __init__(self, fleet: Fleet, trust: Trust, issuer: Issuer, approval_retry_seconds: int) -> None:
        self._fleet = fleet
        self._trust = trust
        self._issuer = issuer
        self._retry_after = str(approval_retry_seconds)
        self.url = ""
        """Where it is reached; set when it listens."""

    def application(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/.well-known/est/cacerts", self.send_roots, methods=["GET"]),
            Route("/.well-known/est/simpleenroll", self.enrol, methods=["POST"]),
            Route("/.well-known/est/simplereenroll", self.renew, methods=["POST"]),
            Route("/.well-known/margo", self.send_discovery, methods=["GET"]),
            Route("/.well-known/spiffe/bundle.json", self.send_trust_bundle, methods=["GET"]),
        ]
        return Starlette(
            routes=routes,
            exception_handlers={
                Refusal: lambda request, refusal: refusal.answer,
                HTTPException: lambda request, error: plain_problem(error.status_code, error.headers),
                Exception: lambda request, error: transient_problem(500),
            },
        )

    # enrolment

    async def send_roots(self, request: Request) -> Response:
        """The roots in force."""
        return certificates(self._trust.bundle.roots)

    async def enrol(self, request: Request) -> Response:
        """The first SVID, or 202 while an approval is missing."""
        code, certificate = shown_code(request), request.scope["extensions"]["tls"]["client_cert"]
        if not await run_in_threadpool(self._knows, code, certificate):
            raise Refusal(unauthorized())
        wanted = await certificate_request(request)
        try:
            found = await run_in_threadpool(self._use, code, certificate, key_digest(wanted))
        except CredentialRefused as error:
            raise Refusal(unauthorized()) from error
        await self._check_accepted(found.spiffe_id)
        if found.waits:
            return Response(status_code=202, headers={"Retry-After": self._retry_after})
        return certificates(self._issuer.issue(wanted, found.spiffe_id))

    def _knows(self, code: str | None, certificate: bytes | None) -> bool:
        with self._fleet.look() as connection:
            if code is not None:
                return enrolment.knows(connection, code)
            return certificate is not None and enrolment.has_certificate(connection, certificate)

    def _use(self, code: str | None, certificate: bytes | None, digest: str) -> enrolment.Enrolment:
        with self._fleet.change() as connection:
            if code is not None:
                return enrolment.use_code(connection, code, digest)
            return enrolment.use_certificate(connection, certificate or b"", digest)

    def _is_of_a_factory(self, certificate: bytes) -> bool:
        with self._fleet.look() as connection:
            return enrolment.has_certificate(connection, certificate)

    async def renew(self, request: Request) -> Response:
        """A new SVID for the id in the certificate that the caller shows."""
        shown = request.scope["extensions"]["tls"]["client_cert"]
        try:
            spiffe_id = caller(shown, self._trust.own_id)
        except IdentityError as error:
            raise Refusal(problem("not-authorized", str(error))) from error
        if await run_in_threadpool(self._is_of_a_factory, shown):
            raise Refusal(problem("not-authorized", "a factory certificate is no SVID"))
        await self._check_accepted(spiffe_id)
        return certificates(self._issuer.issue(await certificate_request(request), spiffe_id))

    async def _check_accepted(self, spiffe_id: str) -> None:
        if not await run_in_threadpool(self._fleet.accepts, spiffe_id):
            raise Refusal(problem("not-authorized", "this client is not accepted"))

    # trust discovery

    async def send_discovery(self, request: Request) -> Response:
        """Which trust domain it is, and where its trust bundle is."""
        domain = self._trust.own_id.removeprefix("spiffe://").partition("/")[0]
        uri = f"{self.url}/.well-known/spiffe/bundle.json"
        return json_document(request, {"trustBundleUri": uri, "trustDomain": domain})

    async def send_trust_bundle(self, request: Request) -> Response:
        """The trust bundle in force."""
        return json_document(request, trust_bundle.spiffe_document(self._trust.bundle))


def certificates(found: list[x509.Certificate]) -> Response:
    """A certs-only CMS message in base64 (RFC 7030, 4.1.3)."""
    content = base64.encodebytes(pkcs7.serialize_certificates(found, Encoding.DER))
    headers = {"Content-Type": "application/pkcs7-mime; smime-type=certs-only", "Content-Transfer-Encoding": "base64"}
    return Response(content, headers=headers)


def shown_code(request: Request) -> str | None:
    """The one-time code of a request, None if it has no credential in a header.

    Raises:
        Refusal: it has one of another kind.
    """
    shown = Authorization.from_header(header := request.headers.get("authorization"))
    if header is None:
        return None
    if shown is None or shown.type != "basic" or shown.username != _ENROL_USER or not shown.password:
        raise Refusal(unauthorized())
    return shown.password


def unauthorized() -> Response:
    """The answer to whoever shows no credential that is accepted."""
    return plain_problem(401, {"WWW-Authenticate": 'Basic realm="enrolment"'})


async def certificate_request(request: Request) -> x509.CertificateSigningRequest:
    """The certificate request in a body.

    Raises:
        Refusal: it is too large, of another type, or wrong.
    """
    if parse_options_header(request.headers.get("content-type", "application/pkcs10"))[0] != "application/pkcs10":
        raise Refusal(plain_problem(415))
    try:
        content = await body_of(request, _REQUEST_AT_MOST)
        return read_request(base64.b64decode(b"".join(content.split()), validate=True))
    except (TooLarge, TimeoutError) as error:
        late = plain_problem(408, {"Connection": "close"})
        raise Refusal(plain_problem(413) if isinstance(error, TooLarge) else late) from error
    except (binascii.Error, WrongCertificateRequest) as error:
        raise Refusal(problem("invalid-request", str(error))) from error


def json_document(request: Request, content: dict[str, Any]) -> Response:
    """A JSON document with a tag, or 304."""
    accept = request.headers.getlist("accept")
    if accept and parse_accept_header(", ".join(accept), MIMEAccept).quality("application/json") <= 0:
        raise Refusal(problem("server-cannot-generate-response"))
    body = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    headers = {"ETag": f'"{digest_of(body)}"', "Cache-Control": "no-cache"}
    if matches(request.headers.getlist("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
