"""Situations around how a client comes, goes and returns (onboarding.md)."""

from urllib.parse import urlsplit

import msgspec
import pytest
from cryptography import x509

from wos_conformance.drive import sample
from wos_conformance.drive.enrolment import Applicant, Key, altered
from wos_conformance.suite.scene import Blocked
from wos_conformance.suite.wos.stage import Stage

DISCOVERY = "/.well-known/margo"


@pytest.mark.gives("onboarding.return-empty", "onboarding.return-greater-version")
@pytest.mark.needs("admit", "assign", "retire")
def test_client_returns_under_the_same_id(wos: Stage) -> None:
    """A client with a deployment is retired and accepted again; later something is assigned to it anew."""
    client = wos.client()
    wos.assign(client, sample.application(wos.random))
    client.fetch_all(wos.manifest(client))
    wos.retire(client)
    client.poll()
    wos.control("admit", spiffeId=client.spiffe_id)
    first = wos.need(client.poll(), 200)
    client.poll(first.header("etag"))
    wos.need(client.announce(sample.capabilities(wos.random, client.device_id)), 200, 201)
    client.poll()
    wos.assign(client, sample.application(wos.random))
    client.fetch_all(wos.manifest(client))


@pytest.mark.gives("onboarding.roots-served", "onboarding.certificates-format")
def test_anybody_asks_for_the_roots(wos: Stage) -> None:
    """A peer without a certificate asks the identity service for the roots."""
    wos.applicant().roots()


@pytest.mark.gives("onboarding.credential-required")
def test_somebody_enrols_without_a_credential(wos: Stage) -> None:
    """A good request comes with nothing, and with a code that nobody gave out."""
    request = Key().request()
    wos.applicant().enrol(request)
    wos.applicant("unknown code", code=sample.word(wos.random, 16)).enrol(request)


@pytest.mark.gives(
    "onboarding.id-assigned",
    "onboarding.key-certified",
    "onboarding.certificates-format",
    "onboarding.request-proof-checked",
    "onboarding.code-one-key",
)
@pytest.mark.needs("admit")
def test_client_enrols_with_a_code(wos: Stage) -> None:
    """A client asks for more than it is due, twice; then its request is changed in one bit, and then its key."""
    client, key = wos.with_code(), Key()
    wish = x509.UniformResourceIdentifier(f"{wos.trust_domain.wos_spiffe_id}/client/{sample.word(wos.random)}")
    request = key.request(wish, x509.DNSName("wos.example"), subject="wos")
    positive = wos.need(client.enrol(request), 200, 202)
    client.enrol(request)
    with wos.after(positive):
        client.enrol(altered(request))
        client.enrol(Key().request())


@pytest.mark.gives("onboarding.pending-202", "onboarding.approved-issued")
@pytest.mark.needs("admit", "approve")
def test_enrolment_waits_for_its_approval(wos: Stage) -> None:
    """A client with a code that needs an approval asks before and after it was given."""
    client, request = wos.with_code(approval=True), Key().request()
    client.enrol(request)
    wos.control("approve", spiffeId=client.spiffe_id)
    client.enrol(request)


@pytest.mark.gives("onboarding.renewal-same-id", "onboarding.renewal-refused", "onboarding.key-certified")
@pytest.mark.needs("admit", "retire")
def test_client_renews_its_certificate(wos: Stage) -> None:
    """A client renews its certificate and wishes for the id of another one; then it is retired and tries again."""
    svid = wos.svid(None)
    wos.applicant()
    wos.control("admit", spiffeId=svid.spiffe_id)
    client = wos.applicant("SVID", svid.spiffe_id, svid=svid)
    client.renew(Key().request(x509.UniformResourceIdentifier(f"{svid.spiffe_id}-two")))
    wos.control("retire", spiffeId=svid.spiffe_id)
    client.renew(Key().request())


def _bundle_path(wos: Stage, somebody: Applicant) -> str:
    """Where the discovery document says that the trust bundle is, on the listener that serves the document."""
    answer = wos.need(somebody.get(DISCOVERY), 200)
    try:
        return urlsplit(msgspec.json.decode(answer.body)["trustBundleUri"]).path or "/"
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise Blocked(f"the discovery document cannot be read: {error} (event {answer.seq})") from error


@pytest.mark.gives("onboarding.discovery-valid", "onboarding.trust-bundle-valid", "onboarding.trust-not-modified")
def test_anybody_asks_for_the_trust_bundle(wos: Stage) -> None:
    """A peer asks where the trust bundle is, gets it, and asks again with its tag."""
    somebody = wos.applicant()
    path = _bundle_path(wos, somebody)
    tag = wos.need(somebody.get(path), 200).header("etag")
    somebody.get(path, tag)


@pytest.mark.gives("onboarding.sequence-grows", "onboarding.trust-not-modified", "onboarding.roots-served")
@pytest.mark.needs("rotate_trust")
def test_trust_bundle_is_asked_for_again_after_it_was_replaced(wos: Stage) -> None:
    """The trust bundle gets a second root, and then the first one alone again; it is asked for each time."""
    somebody = wos.applicant()
    path = _bundle_path(wos, somebody)
    somebody.get(path)
    with wos.trusting(wos.trust_domain.bundle_pem + wos.trust_domain.successor().bundle_pem):
        tag = somebody.get(path).header("etag")
        somebody.get(path, tag)
        somebody.roots()
    somebody.get(path)
