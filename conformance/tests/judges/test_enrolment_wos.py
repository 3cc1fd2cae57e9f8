"""Judges of enrolment and trust discovery for a WOS: a story that keeps each rule, and the same one with a sin."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from visitors import PKCS7, bundle, certificate, discovers, enrols, message, renews, visitor
from visits import DOMAIN, ONE, TWO, Tales, Visits, problem
from wos_conformance.drive.enrolment import Key, altered

TALES, TRUST = Tales("enrolment"), Tales("trust-discovery")
OLD, NEW = DOMAIN, DOMAIN.successor()


@TALES.of("onboarding.roots-served")
def roots_are_asked_for(story: Visits, sin: bool) -> None:
    """One more comes along."""
    visitor(story, "nobody", None)
    roots = [x509.load_der_x509_certificate(der) for der in (*OLD.roots, *(NEW.roots if sin else []))]
    story.asks("GET /.well-known/est/cacerts", 200, PKCS7, message(*roots))


@TALES.of("onboarding.roots-served")
def roots_are_asked_for_after_a_rotation(story: Visits, sin: bool) -> None:
    """The old one comes."""
    visitor(story, "nobody", None)
    story.control("rotate_trust", trustBundlePem=NEW.bundle_pem.decode())
    roots = [x509.load_der_x509_certificate(der) for der in (OLD if sin else NEW).roots]
    story.asks("GET /.well-known/est/cacerts", 200, PKCS7, message(*roots))


@TALES.of("onboarding.certificates-format")
def certificates_are_sent(story: Visits, sin: bool) -> None:
    """As another type."""
    request = Key().request()
    visitor(story)
    enrols(story, request, 200, certificate(request, ONE), headers="Content-Type: text/plain" if sin else PKCS7)


@TALES.of("onboarding.certificates-format")
def certificates_are_sent_in_a_message(story: Visits, sin: bool) -> None:
    """As they are."""
    request = Key().request()
    content = base64.b64encode(certificate(request, ONE).public_bytes(Encoding.DER))
    visitor(story, "nobody", None)
    content = content if sin else message(certificate(request, ONE))
    story.asks("GET /.well-known/est/cacerts", 200, PKCS7, content)


@TALES.of("onboarding.certificates-format")
def message_has_no_signers(story: Visits, sin: bool) -> None:
    """It has one."""
    one, key = certificate(Key().request(), ONE), ec.generate_private_key(ec.SECP256R1())
    own = certificate(b"", ONE, key=key.public_key())
    builder = pkcs7.PKCS7SignatureBuilder().set_data(b"x").add_signer(own, key, hashes.SHA256())
    signed = base64.b64encode(builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary]))
    visitor(story, "nobody", None)
    story.asks("GET /.well-known/est/cacerts", 200, PKCS7, signed if sin else message(one))


@TALES.of("onboarding.request-proof-checked")
def request_is_altered(story: Visits, sin: bool) -> None:
    """It is taken."""
    request = Key().request()
    visitor(story)
    enrols(story, altered(request), 200 if sin else 400, *([certificate(request, ONE)] if sin else []))


@TALES.of("onboarding.credential-required")
def nothing_is_shown(story: Visits, sin: bool) -> None:
    """It is enough."""
    visitor(story, "nobody", None)
    enrols(story, Key().request(), 202 if sin else 401)


@TALES.of("onboarding.code-one-key")
def code_comes_with_two_keys(story: Visits, sin: bool) -> None:
    """Both are certified."""
    first, second = Key().request(), Key().request()
    visitor(story)
    enrols(story, first, 200, certificate(first, ONE))
    enrols(story, first, 200, certificate(first, ONE))
    enrols(story, second, 200 if sin else 401, *([certificate(second, ONE)] if sin else []))


@TALES.of("onboarding.id-assigned")
def request_wishes_for_another_id(story: Visits, sin: bool) -> None:
    """It gets both."""
    request = Key().request(x509.UniformResourceIdentifier(TWO))
    visitor(story)
    enrols(story, request, 200, certificate(request, *([ONE, TWO] if sin else [ONE])))


@TALES.of("onboarding.key-certified")
def key_is_certified(story: Visits, sin: bool) -> None:
    """Another one is."""
    request = Key().request()
    key = ec.generate_private_key(ec.SECP256R1()).public_key() if sin else None
    visitor(story)
    enrols(story, request, 200, certificate(request, ONE, key=key))


@TALES.of("onboarding.pending-202")
def approval_is_missing(story: Visits, sin: bool) -> None:
    """Nobody says when to come again."""
    story.control("admit", spiffeId=ONE, approval=True)
    visitor(story)
    enrols(story, Key().request(), 202, headers="" if sin else "Retry-After: 60")


@TALES.of("onboarding.pending-202")
def approval_is_missing_and_forgotten(story: Visits, sin: bool) -> None:
    """The certificate comes all the same."""
    request = Key().request()
    story.control("admit", spiffeId=ONE, approval=True)
    visitor(story)
    if sin:
        enrols(story, request, 200, certificate(request, ONE))
    else:
        enrols(story, request, 202, headers="Retry-After: Wed, 21 Oct 2026 07:28:00 GMT")


@TALES.of("onboarding.approved-issued")
def approval_was_given(story: Visits, sin: bool) -> None:
    """It is missing for ever."""
    request = Key().request()
    story.control("admit", spiffeId=ONE, approval=True)
    visitor(story)
    enrols(story, request, 202, headers="Retry-After: 60")
    story.control("approve", spiffeId=ONE)
    enrols(story, request, 202 if sin else 200, *([] if sin else [certificate(request, ONE)]))


@TALES.of("onboarding.renewal-same-id")
def certificate_is_renewed(story: Visits, sin: bool) -> None:
    """Under the id that was wished for."""
    request = Key().request(x509.UniformResourceIdentifier(TWO))
    story.admit()
    visitor(story, "SVID")
    renews(story, request, 200, message(certificate(request, TWO if sin else ONE)))


@TALES.of("onboarding.renewal-refused")
def retired_client_renews(story: Visits, sin: bool) -> None:
    """It can."""
    request = Key().request()
    story.admit()
    story.retire()
    visitor(story, "SVID")
    if sin:
        renews(story, request, 200, message(certificate(request, ONE)))
    else:
        renews(story, request, 403, problem("not-authorized"))


@TRUST.of("onboarding.discovery-valid")
def trust_is_discovered(story: Visits, sin: bool) -> None:
    """At an address without TLS."""
    discovers(story, **({"trustBundleUri": "http://identity.example/roots.json"} if sin else {}))


@TRUST.of("onboarding.trust-bundle-valid")
def trust_bundle_is_served(story: Visits, sin: bool) -> None:
    """Without a root."""
    discovers(story)
    story.asks("GET /roots.json", 200, "", bundle(1, *([] if sin else OLD.roots)))


@TRUST.of("onboarding.trust-not-modified")
def trust_bundle_is_asked_for_again(story: Visits, sin: bool) -> None:
    """It is sent again."""
    discovers(story)
    story.asks("GET /roots.json", 200, 'ETag: "a"', bundle(1, *OLD.roots))
    content = bundle(1, *OLD.roots) if sin else b""
    story.asks("GET /roots.json", 200 if sin else 304, 'ETag: "a"', content, headers=['If-None-Match: "a"'])


@TRUST.of("onboarding.sequence-grows")
def trust_bundle_is_replaced(story: Visits, sin: bool) -> None:
    """Nobody counts."""
    discovers(story)
    story.asks("GET /roots.json", 200, "", bundle(3, *OLD.roots))
    story.asks("GET /roots.json", 200, "", bundle(3 if sin else 4, *OLD.roots, *NEW.roots))


@pytest.mark.parametrize("name", TALES)
def test_judge_of_enrolment_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TALES.assert_judged(name)


@pytest.mark.parametrize("name", TRUST)
def test_judge_of_trust_discovery_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TRUST.assert_judged(name)


def test_rules_of_the_interface_are_not_for_the_service() -> None:
    """What it answers is judged by its own rules alone."""
    story = Visits(["enrolment"])
    visitor(story, "nobody", None)
    story.asks("GET /.well-known/est/cacerts", 404, "Retry-After: 1", b"<html>")
    for rule in ("errors.problem-valid", "errors.permanent-not-retryable", "identity.certificate-required"):
        assert not story.judged(rule)
