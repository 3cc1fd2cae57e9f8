"""The double of an identity service: issues to whom it should, and speaks the formats of the specification."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from told import begun
from wos_conformance.drive.client import Answer
from wos_conformance.drive.enrolment import Applicant, Key
from wos_conformance.drive.identity_double import BUNDLE_PATH, IdentityDouble, Policy
from wos_conformance.drive.trust_domain import TrustDomain
from wos_conformance.history import Exchange
from wos_conformance.judges.onboarding.service import Visit
from wos_conformance.specification import Specification

DOMAIN = TrustDomain.create("plant.example", "main")
NAME = f"{DOMAIN.wos_spiffe_id}/client/press-7"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[IdentityDouble]:
    """A service with one client."""
    with begun(tmp_path / "history", role="agent") as recorder:
        double = IdentityDouble(recorder, DOMAIN, Policy(NAME, "a-code-of-its-own"))
        (tmp_path / "anchors.pem").write_bytes(double.anchors_pem)
        yield double
        double.close()


@pytest.fixture
def applicant(service: IdentityDouble, tmp_path: Path) -> Iterator[Applicant]:
    """Somebody who knows the code."""
    with begun(tmp_path / "visits") as recorder:
        applicant = Applicant(recorder, service.url, tmp_path / "anchors.pem", code=service.policy.code)
        yield applicant
        applicant.close()


def value(found: Answer) -> object:
    """The JSON of an answer."""
    return json.loads(found.body)


def test_certificate_is_issued_for_the_key_after_patience(service: IdentityDouble, applicant: Applicant) -> None:
    """With the id of the policy, whatever was asked for."""
    service.policy.pending = 1
    request = Key().request(x509.DNSName("elsewhere"))
    assert [applicant.enrol(request).status for _ in range(2)] == [202, 200]
    history = service.recorder.history()
    view = list(history.exchanges())[-1]
    issued = Visit(view, service._shown[0]).issued
    assert issued is not None
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [NAME]


def test_nobody_renews_without_a_certificate(applicant: Applicant) -> None:
    """403."""
    assert applicant.renew(Key().request()).status == 403


def test_documents_are_valid_and_not_sent_twice(service: IdentityDouble, applicant: Applicant) -> None:
    """Discovery document and trust bundle."""
    for path, schema in (("/.well-known/margo", "discovery-document"), (BUNDLE_PATH, "trust-bundle")):
        found = applicant.get(path)
        assert Specification.load().errors(schema, value(found)) == []
        assert applicant.get(path, found.header("etag")).status == 304
    assert applicant.roots().status == 200


def test_bundle_without_roots_is_not_valid(service: IdentityDouble, applicant: Applicant) -> None:
    """That is its purpose."""
    service.policy.has_roots = False
    assert Specification.load().errors("trust-bundle", value(applicant.get(BUNDLE_PATH)))


def test_code_is_not_written_down(service: IdentityDouble, applicant: Applicant) -> None:
    """The stage strikes it out; here it would be seen."""
    applicant.enrol(Key().request())
    (exchange,) = service.recorder.history().of(Exchange)
    assert "Authorization: Basic " in exchange.request.head


@pytest.mark.parametrize("flaw", ["unknown-root", "other-host"])
def test_flawed_service_is_not_spoken_to(service: IdentityDouble, applicant: Applicant, flaw: str) -> None:
    """By whoever looks."""
    service.present(flaw)
    assert applicant.roots().status is None
    service.present()
    assert applicant.roots().status == 200
