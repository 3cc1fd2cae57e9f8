"""An identity service that faces an agent: enrolment by EST, renewal and trust discovery, right or wrong on command."""

import base64
import hashlib
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from wos_conformance.drive.answer import Answer, Request, problem
from wos_conformance.drive.listener import Listener
from wos_conformance.drive.tls import identity_context
from wos_conformance.drive.trust_domain import TrustDomain
from wos_conformance.history import Credential, Recorder

NAME = "identity-double"
HOST = "localhost"
BUNDLE_PATH = "/.well-known/spiffe/bundle.json"
_EST = "/.well-known/est/"
_CERTIFICATES = (("Content-Type", "application/pkcs7-mime; smime-type=certs-only"),)


@dataclass
class Policy:
    """What the service does next: how often it asks for patience, for how long its certificates live, what it tells."""

    spiffe_id: str
    code: str
    lifetime: float = 3600.0
    """Seconds."""
    pending: int = 0
    hint: int = 3600
    """Seconds after which the trust bundle is to be asked for again."""
    bundle_uri: str = ""
    has_roots: bool = True


class IdentityDouble(Listener):
    """Serves one client of one trust domain, whose roots can be replaced."""

    def __init__(self, recorder: Recorder, trust_domain: TrustDomain, policy: Policy) -> None:
        self.trust_domain = trust_domain
        self.policy = policy
        self.sequence = 1
        self._services = TrustDomain.create("services.example", "identity")
        super().__init__(recorder, self._shown_as(None))
        policy.bundle_uri = policy.bundle_uri or f"{self.url}{BUNDLE_PATH}"

    @property
    def url(self) -> str:
        """Where agents find it, by a name that its certificate carries."""
        return f"https://{HOST}:{self.address[1]}"

    @property
    def anchors_pem(self) -> bytes:
        """To what its certificate chains; not to the trust bundle."""
        return self._services.bundle_pem

    def present(self, flaw: str | None = None) -> None:
        """Show a right certificate, or one with a flaw: `unknown-root` or `other-host`."""
        self.show(*self._shown_as(flaw))

    def _shown_as(self, flaw: str | None) -> tuple[Credential, ssl.SSLContext]:
        services = self._services.successor() if flaw == "unknown-root" else self._services
        svid = services.service("elsewhere.example" if flaw == "other-host" else HOST)
        credential = Credential(name=NAME, flaw=f"service-{flaw}" if flaw else None)
        return credential, identity_context(svid, self.trust_domain.bundle_pem)

    def asked(self) -> int:
        """How many requests it has answered."""
        with self.changed:
            return sum(map(len, self.exchanges.values()))

    def rotate(self, trust_domain: TrustDomain) -> None:
        """Replace the roots."""
        self.trust_domain, self.sequence = trust_domain, self.sequence + 1

    def answer(self, request: Request) -> Answer:
        """What the policy says."""
        method, target = request.start
        served: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("GET", f"{_EST}cacerts"): lambda request: _message(self._roots()),
            ("POST", f"{_EST}simpleenroll"): self._enrol,
            ("POST", f"{_EST}simplereenroll"): self._renew,
            ("GET", "/.well-known/margo"): self._discovery,
            ("GET", BUNDLE_PATH): self._bundle,
        }
        known = served.get((method, target.partition("?")[0]))
        with self.changed:
            return known(request) if known else problem(404)

    def _roots(self) -> list[x509.Certificate]:
        return [x509.load_der_x509_certificate(root) for root in self.trust_domain.roots]

    def _enrol(self, request: Request) -> Answer:
        basic = base64.b64encode(f"enrol:{self.policy.code}".encode()).decode()
        if request.header("authorization") != f"Basic {basic}" and not request.client:
            return problem(401)
        if self.policy.pending:
            self.policy.pending -= 1
            return Answer("simpleenroll", 202, (("Retry-After", "1"),))
        return self._issued(request)

    def _renew(self, request: Request) -> Answer:
        return self._issued(request) if request.client == self.policy.spiffe_id else problem(403, "not-authorized")

    def _issued(self, request: Request) -> Answer:
        try:
            wanted = x509.load_der_x509_csr(base64.b64decode(request.body))
        except ValueError:
            return problem(400, "invalid-request")
        chain = self.trust_domain.issued(self.policy.spiffe_id, wanted.public_key(), self.policy.lifetime)
        return _message(chain)

    def _discovery(self, request: Request) -> Answer:
        document = {"trustDomain": self.trust_domain.name, "trustBundleUri": self.policy.bundle_uri}
        return _document(request, json.dumps(document, sort_keys=True).encode())

    def _bundle(self, request: Request) -> Answer:
        keys = [_key(root) for root in self._roots()] if self.policy.has_roots else [{"kty": "EC", "use": "jwt-svid"}]
        bundle = {"spiffe_sequence": self.sequence, "spiffe_refresh_hint": self.policy.hint, "keys": keys}
        return _document(request, json.dumps(bundle, sort_keys=True).encode())


def _message(certificates: list[x509.Certificate]) -> Answer:
    content = pkcs7.serialize_certificates(certificates, Encoding.DER)
    return Answer(None, 200, _CERTIFICATES, base64.encodebytes(content))


def _document(request: Request, content: bytes) -> Answer:
    tag = f'"sha256:{hashlib.sha256(content).hexdigest()}"'
    if tag in request.header("if-none-match"):
        return Answer(None, 304, (("ETag", tag),))
    return Answer(None, 200, (("Content-Type", "application/json"), ("ETag", tag)), content)


def _key(root: x509.Certificate) -> dict[str, object]:
    numbers = root.public_key().public_numbers()  # type: ignore[union-attr]
    point = {name: _encoded(getattr(numbers, name)) for name in ("x", "y")}
    der = base64.b64encode(root.public_bytes(Encoding.DER)).decode()
    return {"kty": "EC", "crv": "P-256", "use": "x509-svid", "x5c": [der], **point}


def _encoded(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")
