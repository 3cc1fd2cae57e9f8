"""Requests to the identity service (`onboarding.md`): it is known by the anchors for it and its host name."""

import base64
import ssl
from collections.abc import Mapping
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7

from wos_reference.agent.credential import Credential
from wos_reference.agent.transport import Answer, NoAnswerError

BODY_LIMIT = 1024 * 1024
EST = "/.well-known/est"


class IdentityService:
    """The service at `url`, which is verified by the certificates in the file `anchors`."""

    def __init__(self, url: str, anchors: Path, timeout: float) -> None:
        self._url = url
        self._anchors = anchors
        self._timeout = timeout

    def enrol(self, request: bytes, code: str | None, factory: Credential | None) -> Answer:
        """Ask for the first SVID with a PKCS #10 request (DER). Raises NoAnswerError."""
        headers = {} if code is None else {"authorization": basic("enrol", code)}
        return self._post(f"{EST}/simpleenroll", request, headers, factory)

    def renew(self, request: bytes, svid: Credential) -> Answer:
        """Ask for an SVID in place of one that is still valid. Raises NoAnswerError."""
        return self._post(f"{EST}/simplereenroll", request, {}, svid)

    def get(self, target: str, headers: Mapping[str, str]) -> Answer:
        """Get a path of the service, or a URI that it has named. Raises NoAnswerError; only https is asked for."""
        url = f"{self._url}{target}" if target.startswith("/") else target
        if not url.startswith("https://"):
            raise NoAnswerError(f"{url!r:.200} is not https")
        return self._exchange("GET", url, headers, None, None)

    def _post(self, path: str, request: bytes, headers: Mapping[str, str], caller: Credential | None) -> Answer:
        headers = {"content-type": "application/pkcs10", **headers}
        return self._exchange("POST", self._url + path, headers, base64.b64encode(request), caller)

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, caller: Credential | None
    ) -> Answer:
        try:
            context = ssl.create_default_context(cafile=str(self._anchors))
            if caller:
                context.load_cert_chain(caller.certificate, caller.key)
            with (
                httpx.Client(verify=context, timeout=self._timeout, trust_env=False) as client,
                client.stream(method, url, headers={"user-agent": "agent", **headers}, content=body) as response,
            ):
                return Answer(response.status_code, response.headers, self._read(response))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise NoAnswerError(f"{method} {url}: {error or type(error).__name__}") from error

    def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > BODY_LIMIT:
                raise NoAnswerError(f"{response.url.path}: the body is longer than {BODY_LIMIT} bytes")
        return bytes(body)


def basic(user: str, password: str) -> str:
    """The value of `Authorization` for HTTP Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def certificates_in(body: bytes) -> list[x509.Certificate]:
    """The certificates in a certs-only CMS message in base64, in their order. Raises ValueError."""
    return pkcs7.load_der_pkcs7_certificates(base64.b64decode(b"".join(body.split()), validate=True))
