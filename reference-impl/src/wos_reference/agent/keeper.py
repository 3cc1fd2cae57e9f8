"""Obtains and renews SVID and trust bundle, with the features `enrolment` and `trust-discovery` (`onboarding.md`).

Key, SVID and trust bundle lie in one folder; each file is replaced at once, and what is there is used until then.
"""

import base64
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from wos_reference.agent import identity, schedule
from wos_reference.agent.configuration import Configuration
from wos_reference.agent.credential import Credential
from wos_reference.agent.files import replace_file
from wos_reference.agent.identity_service import IdentityService, certificates_in
from wos_reference.agent.schedule import Gate
from wos_reference.agent.transport import Answer, NoAnswerError
from wos_reference.agent.workshop import Work

log = logging.getLogger(__name__)

DISCOVERY = "/.well-known/margo"
RENEWAL = 0.6  # part of the period of validity after which a new SVID is asked for
REFRESH = 3600.0  # seconds until the trust bundle is asked for again when the service gives no hint


class IdentityKeeper:
    """Keeps the identity of one agent fresh; `renewed` is called after a file has changed."""

    def __init__(self, configuration: Configuration, renewed: Callable[[], None]) -> None:
        self._settings = configuration.identity_service
        self._svid = configuration.svid
        self._key = configuration.key
        self._bundle = configuration.trust_bundle
        self._renewed = renewed
        self._enrolment = Gate(configuration.poll_interval, configuration.max_backoff)
        self._discovery = Gate(configuration.poll_interval, configuration.max_backoff)
        self._bundle_tag: str | None = None
        self._hint = REFRESH
        if self._settings:
            self._service = IdentityService(self._settings.url, self._settings.anchors, configuration.request_timeout)

    def is_due(self) -> bool:
        """Whether the identity service is to be asked for something now."""
        return self._svid_is_due() or self._bundle_is_due()

    def _svid_is_due(self) -> bool:
        return bool(self._settings and self._settings.enrols) and self._enrolment.is_open() and self._wants_svid()

    def _bundle_is_due(self) -> bool:
        return bool(self._settings and self._settings.discovers) and self._discovery.is_open()

    def _wants_svid(self) -> bool:
        svid = read_certificate(self._svid)
        return svid is None or datetime.now(UTC) >= moment_within(svid, RENEWAL)

    def work(self) -> Work:
        """Ask for what is due."""
        try:
            if self._svid_is_due():
                yield from self._obtain_svid()
        except NoAnswerError as error:
            self._enrolment.failed()
            log.warning("no SVID: %s", error)
        try:
            if self._bundle_is_due():
                yield from self._obtain_bundle()
        except (NoAnswerError, ValueError, LookupError, TypeError) as error:
            self._discovery.failed()
            log.warning("no trust bundle: %s", error)

    def _obtain_svid(self) -> Work:
        assert self._settings
        key = own_key(self._key)
        svid = read_certificate(self._svid)
        if svid is not None and datetime.now(UTC) < svid.not_valid_after_utc:
            answer = yield partial(self._service.renew, request_for(key), Credential(self._svid, self._key))
        else:
            answer = yield partial(
                self._service.enrol, request_for(key), self._settings.enrolment_code, self._settings.factory
            )
        self._take_svid(answer, key)

    def _take_svid(self, answer: Answer, key: ec.EllipticCurvePrivateKey) -> None:
        if answer.status != 200:
            self._enrolment.failed(schedule.retry_after_seconds(answer.retry_after, datetime.now(UTC)))
            log.warning("no SVID: the identity service answered with status %d", answer.status)
            return
        try:
            chain = certificates_in(answer.body)
            leaf = next(certificate for certificate in chain if certificate.public_key() == key.public_key())
            identity.expected_wos_id("".join(identity.uri_names(leaf)))
        except (ValueError, StopIteration, identity.IdentityError) as error:
            raise NoAnswerError(f"the certificate cannot be used: {error!r}") from error
        ordered = [leaf, *(certificate for certificate in chain if certificate != leaf)]
        replace_file(self._svid, b"".join(c.public_bytes(serialization.Encoding.PEM) for c in ordered))
        self._enrolment.succeeded()
        self._renewed()
        log.info("the SVID is valid until %s", leaf.not_valid_after_utc.isoformat())

    def _obtain_bundle(self) -> Work:
        discovery = yield partial(self._service.get, DISCOVERY, {"accept": "application/json"})
        if discovery.status != 200:
            raise NoAnswerError(f"{DISCOVERY} was answered with status {discovery.status}")
        place = json.loads(discovery.body)
        self._require_own_domain(place["trustDomain"])
        headers = {"accept": "application/json"}
        if self._bundle_tag and self._bundle.exists():
            headers["if-none-match"] = self._bundle_tag
        answer = yield partial(self._service.get, place["trustBundleUri"], headers)
        if answer.status == 304:
            self._discovery.succeeded(self._hint)
            return
        if answer.status != 200:
            raise NoAnswerError(f"the trust bundle was answered with status {answer.status}")
        self._take_bundle(answer)

    def _take_bundle(self, answer: Answer) -> None:
        content = json.loads(answer.body)
        roots = roots_of(content)
        if not roots:
            raise NoAnswerError("the trust bundle has no root")
        hint = content.get("spiffe_refresh_hint")
        self._hint = float(hint) if isinstance(hint, (int, float)) and hint > 0 else REFRESH
        self._discovery.succeeded(self._hint)
        self._bundle_tag = answer.headers.get("etag")
        if not self._bundle.exists() or self._bundle.read_bytes() != roots:
            replace_file(self._bundle, roots)
            self._renewed()
            log.info("the trust bundle has changed")

    def _require_own_domain(self, domain: Any) -> None:
        svid = read_certificate(self._svid)
        own = "".join(identity.uri_names(svid)).removeprefix("spiffe://").partition("/")[0] if svid else domain
        if domain != own:
            raise NoAnswerError(f"the trust domain is {domain!r:.100}, and the own one {own!r}")


def read_certificate(file: Path) -> x509.Certificate | None:
    """The first certificate in a PEM file, if there is one."""
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError):
        return None


def moment_within(certificate: x509.Certificate, part: float) -> datetime:
    """When this part of the period of validity has passed."""
    begin = certificate.not_valid_before_utc
    return begin + part * (certificate.not_valid_after_utc - begin)


def own_key(file: Path) -> ec.EllipticCurvePrivateKey:
    """The key of this device, made here when there is none. It never leaves the device."""
    if not file.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        replace_file(file, key.private_bytes(*encoding))
    key = serialization.load_pem_private_key(file.read_bytes(), None)  # type: ignore[assignment]
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise identity.IdentityError(f"{file} holds no key on an elliptic curve")
    return key


def request_for(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A PKCS #10 request (DER) that is signed with the key which it asks to certify; the service knows the id."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


def roots_of(bundle: Any) -> bytes:
    """The roots of a trust bundle in the format of SPIFFE, as PEM. Raises ValueError, LookupError and TypeError."""
    roots = [
        x509.load_der_x509_certificate(base64.b64decode(key["x5c"][0], validate=True))
        for key in bundle["keys"]
        if key.get("use") == "x509-svid"
    ]
    return b"".join(root.public_bytes(serialization.Encoding.PEM) for root in roots)
