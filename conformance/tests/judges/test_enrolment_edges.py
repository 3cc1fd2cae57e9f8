"""Where the rules of enrolment and trust discovery end for a WOS, and those of a return: what is no occasion."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from visitors import PKCS7, bundle, certificate, discovers, enrols, message, renews, visitor
from visits import DOMAIN, ONE, TWO, Assigned, Visits
from wos_conformance.drive.enrolment import Key, altered

FIRST, SECOND = Key().request(), Key().request()
NEW = DOMAIN.successor()
CACERTS = "GET /.well-known/est/cacerts"
ROOTS = bundle(3, *DOMAIN.roots)
OTHER_ROOTS = bundle(3, *NEW.roots)


def kept(story: Visits, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(f"onboarding.{requirement}")]


def visited(name: str = "code one", client: str | None = ONE) -> Visits:
    """Somebody visits the identity service."""
    story = Visits(["enrolment"])
    visitor(story, name, client)
    return story


def stranger() -> Visits:
    """Somebody visits it who has nothing to show."""
    return visited("nobody", None)


@pytest.mark.parametrize("status", [408, 413, 429, 503])
def test_service_may_be_unable_to_answer(status: int) -> None:
    """It is asked again later."""
    story = stranger()
    enrols(story, FIRST, status)
    assert kept(story, "credential-required") == []


def test_other_listeners_and_broken_answers_are_no_visit() -> None:
    """Nobody knows who asked there, or what was answered."""
    story = Visits(["enrolment"])
    story.asks(CACERTS, 404)
    story.connect(client=None)
    story.asks(CACERTS, 404)
    visitor(story, "nobody", None)
    story.asks(CACERTS, 200, failure="reset")
    assert kept(story, "roots-served") == []


def test_roots_are_for_those_who_have_no_certificate() -> None:
    """While they change nobody knows which; others hide nothing."""
    story = visited()
    story.asks(CACERTS, 404)
    visitor(story, "nobody", None)
    story.control("rotate_trust", trustBundlePem=NEW.bundle_pem.decode())
    story.waits(-0.1)
    story.asks(CACERTS, 404)
    story.asks(CACERTS, 404)
    assert kept(story, "roots-served") == [False]


def test_certificates_have_a_form_when_they_come() -> None:
    """From EST, with 200; another answer hides nothing, and what is no base64 is none."""
    story = stranger()
    story.asks(CACERTS, 401)
    story.asks("GET /elsewhere", 200)
    story.asks(CACERTS, 200, PKCS7, b"!" + message(certificate(FIRST, ONE)))
    assert kept(story, "certificates-format") == [False]


def test_certificate_for_the_key_is_looked_at() -> None:
    """Whatever else comes with it."""
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    story = visited()
    enrols(story, FIRST, 200, certificate(FIRST, TWO, key=other), certificate(FIRST, ONE))
    assert kept(story, "key-certified") == [True]


def test_certificate_without_a_request_hides_no_other() -> None:
    """There is no key to compare with."""
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    story = visited()
    for request in (b"no request", FIRST):
        enrols(story, request, 200, certificate(FIRST, ONE, key=other))
    assert kept(story, "key-certified") == [False]


def test_proof_is_asked_of_requests_with_a_code() -> None:
    """That can be read, and are not signed with their own key."""
    story = stranger()
    enrols(story, altered(FIRST), 401)
    visitor(story)
    enrols(story, FIRST, 200)
    enrols(story, b"no request", 401)
    assert kept(story, "request-proof-checked") == []


def test_credential_is_asked_of_requests_that_are_right() -> None:
    """With a code there is one."""
    story = stranger()
    enrols(story, altered(FIRST), 400)
    visitor(story)
    enrols(story, FIRST, 200)
    assert kept(story, "credential-required") == []


def test_code_is_taken_with_the_first_request_that_is_right() -> None:
    """Though it has to wait; those without a code hide nothing, nor does one that is altered."""
    story = stranger()
    for request in (FIRST, SECOND):
        enrols(story, request, 202)
    visitor(story)
    enrols(story, FIRST, 202)
    enrols(story, altered(SECOND), 400)
    assert kept(story, "code-one-key") == []
    enrols(story, SECOND, 202)
    assert kept(story, "code-one-key") == [False]


def test_approval_is_waited_for_with_a_code_that_needs_one() -> None:
    """And with a request that is right; a code that was used up hides nothing."""
    story = Visits(["enrolment"])
    story.control("admit", spiffeId=ONE, approval=True)
    story.admit(TWO)
    for name, client, request in (("SVID", ONE, FIRST), ("code two", TWO, FIRST), ("code one", ONE, altered(FIRST))):
        visitor(story, name, client)
        enrols(story, request, 200)
    enrols(story, FIRST, 401)
    assert kept(story, "pending-202") == []
    enrols(story, FIRST, 202, headers="Retry-After: soon")
    assert kept(story, "pending-202") == [False]
    story.control("approve", spiffeId=ONE)
    enrols(story, FIRST, 200)
    assert kept(story, "pending-202") == [False]
    assert kept(story, "approved-issued") == [False]


def test_renewal_is_asked_with_a_request_that_is_right() -> None:
    """By a client that is known and was not retired; its answer has a certificate."""
    story = Visits(["enrolment"])
    story.admit(TWO)
    story.retire(TWO)
    visitor(story, "SVID")
    renews(story, altered(FIRST), 400, b"")
    for rule in ("renewal-same-id", "renewal-refused"):
        assert kept(story, rule) == []
    renews(story, FIRST, 200, b"")
    assert kept(story, "renewal-same-id") == [False]
    assert kept(story, "renewal-refused") == []


def test_discovery_document_is_asked_for() -> None:
    """At its place, and not when it is held already."""
    story = stranger()
    story.asks("GET /.well-known/margo", 304)
    story.asks("POST /.well-known/margo", 405)
    story.asks(CACERTS, 200)
    assert kept(story, "discovery-valid") == []


def test_trust_bundle_is_asked_for_where_the_document_says() -> None:
    """And not when it is held already."""
    story = Visits(["trust-discovery"])
    discovers(story)
    story.asks("GET /elsewhere", 404)
    story.asks("POST /roots.json", 405)
    story.asks("GET /roots.json", 304)
    assert kept(story, "trust-bundle-valid") == []


def test_trust_bundle_that_is_held_comes_without_a_body() -> None:
    """The tag is that of the last bundle that was served with one."""
    story = Visits(["trust-discovery"])
    discovers(story)
    story.asks("GET /roots.json", 200, "", ROOTS)
    story.asks("GET /roots.json", 200, 'ETag: "a"', ROOTS)
    story.asks("GET /roots.json", 404, 'ETag: "b"')
    story.asks("GET /roots.json", 200, 'ETag: "a"', ROOTS, headers=['If-None-Match: "b"'])
    assert kept(story, "trust-not-modified") == []
    story.asks("GET /roots.json", 304, 'ETag: "a"', ROOTS, headers=['If-None-Match: "a"'])
    story.asks("GET /roots.json", 200, 'ETag: "a"', headers=['If-None-Match: "a"'])
    assert kept(story, "trust-not-modified") == [False, False]


def test_sequence_is_that_of_bundles_that_are_right() -> None:
    """An error that looks like one is none, and hides none; a bundle without a number is before all others."""
    story = Visits(["trust-discovery"])
    discovers(story)
    story.asks("GET /roots.json", 200, "", ROOTS)
    story.asks("GET /roots.json", 404, "", OTHER_ROOTS)
    story.asks("GET /roots.json", 200, "", b"{}")
    assert kept(story, "sequence-grows") == []
    story.asks("GET /roots.json", 200, "", OTHER_ROOTS)
    assert kept(story, "sequence-grows") == [False]
    unnumbered = {name: value for name, value in json.loads(ROOTS).items() if name != "spiffe_sequence"}
    story.asks("GET /roots.json", 200, "", json.dumps(unnumbered).encode())
    story.asks("GET /roots.json", 200, "", bundle(0, *NEW.roots))
    assert kept(story, "sequence-grows") == [False, False, True]


def returns(client: str = ONE, versions: tuple[int, ...] = ()) -> Visits:
    """A client was served these versions, was retired and is accepted again."""
    story, wanted = Visits(), Assigned()
    story.admit(client)
    for version in versions:
        story.serves(version, wanted, client=client)
    story.retire(client)
    story.admit(client)
    return story


@pytest.mark.parametrize(
    ("known", "now", "verdicts"),
    [((), 1, []), ((1,), 2, [True]), ((7,), 7, [False]), ((7,), 8, [True]), ((7, 3), 7, [False])],
)
def test_returned_client_knows_the_greatest_version(known: tuple[int, ...], now: int, verdicts: list[bool]) -> None:
    """If it knows any; one that cannot be read hides nothing, and the second one is after the first."""
    story = returns(versions=known)
    story.serves(now, content=b"{")
    story.serves(now)
    story.serves(now)
    assert kept(story, "return-greater-version") == verdicts


def test_client_that_knows_no_version_hides_no_other() -> None:
    """It was never served any."""
    story = returns(versions=(7,))
    story.admit(TWO)
    story.retire(TWO)
    story.admit(TWO)
    story.serves(1, client=TWO)
    story.serves(1)
    assert kept(story, "return-greater-version") == [False]
