"""How the identity service of a WOS issues SVIDs (onboarding.md, "Enrolment")."""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from cryptography import x509

from wos_conformance.history import Control, History
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.onboarding.service import (
    EST,
    Visit,
    digest_of,
    fault_of,
    is_proven,
    is_retired,
    key_of,
    roots_at,
    visits,
)
from wos_conformance.judges.reading import has_problem, told

_WITHOUT = ("nobody", "unknown code")


def _status(visit: Visit, *expected: int) -> Judgement:
    if visit.view.status in expected:
        return kept(visit.view)
    return broken(visit.view, expected=f"status {expected[0]}", received=told(visit.view))


@judge("onboarding.roots-served")
def roots_are_served_to_everybody(history: History) -> Occasions:
    """Exactly those of the trust bundle, without a certificate."""
    for visit in visits(history, "cacerts"):
        roots = roots_at(history, visit.view)
        if visit.credential.spiffe_id is not None or roots is None:
            continue
        found = {digest_of(certificate) for certificate in visit.certificates}
        if visit.view.status == 200 and found == roots:
            yield kept(visit.view)
        else:
            received = f"status {visit.view.status} with {len(found)} certificates: {sorted(found)}"[:300]
            yield broken(visit.view, expected=f"status 200 and the roots {sorted(roots)}"[:300], received=received)


@judge("onboarding.certificates-format")
def certificates_come_in_their_form(history: History) -> Occasions:
    """A certs-only CMS message in base64."""
    for visit in visits(history):
        if visit.view.status != 200 or not visit.view.path.startswith(EST):
            continue
        if (fault := fault_of(visit.view)) is None:
            yield kept(visit.view)
        else:
            expected = "a certs-only CMS message in base64 as application/pkcs7-mime"
            yield broken(visit.view, expected=expected, received=fault)


@judge("onboarding.request-proof-checked")
def request_is_signed_with_its_own_key(history: History) -> Occasions:
    """A request that somebody else could have made is refused."""
    for visit in visits(history, "simpleenroll"):
        if visit.has_code and visit.request is not None and not is_proven(visit.request):
            yield _status(visit, 400)


@judge("onboarding.credential-required")
def nobody_enrols_without_a_credential(history: History) -> Occasions:
    """Neither with nothing nor with a code that was never given out."""
    for visit in visits(history, "simpleenroll"):
        if visit.credential.name in _WITHOUT and is_proven(visit.request):
            yield _status(visit, 401)


@judge("onboarding.code-one-key")
def code_belongs_to_one_key(history: History) -> Occasions:
    """To the first one with which it came and was taken."""
    taken: dict[str, bytes] = {}
    for visit in visits(history, "simpleenroll"):
        if not visit.has_code or visit.request is None or not is_proven(visit.request):
            continue
        key = key_of(visit.request)
        if visit.view.status in (200, 202):
            known = taken.setdefault(visit.credential.name, key)
        else:
            known = taken.get(visit.credential.name, key)
        if known != key:
            yield _status(visit, 401)


def _issued(history: History, operation: str) -> Iterator[tuple[Visit, x509.Certificate]]:
    for visit in visits(history, operation):
        if visit.view.status == 200 and (certificate := visit.issued) is not None:
            yield visit, certificate


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [f"{name.value}" for name in extension.value]


@judge("onboarding.id-assigned")
def certificate_has_the_id_of_the_code(history: History) -> Occasions:
    """Whatever the request wishes for."""
    for visit, certificate in _issued(history, "simpleenroll"):
        if visit.has_code:
            yield _named(visit, certificate)


def _named(visit: Visit, certificate: x509.Certificate) -> Judgement:
    expected, found = [visit.credential.spiffe_id], _names(certificate)
    if found == expected:
        return kept(visit.view)
    return broken(visit.view, expected=f"only the name {expected}", received=f"{found}")


@judge("onboarding.key-certified")
def certificate_has_the_key_of_the_request(history: History) -> Occasions:
    """No other key is certified."""
    for operation in ("simpleenroll", "simplereenroll"):
        for visit, certificate in _issued(history, operation):
            if visit.request is None:
                continue
            if key_of(certificate) == key_of(visit.request):
                yield kept(visit.view)
            else:
                yield broken(visit.view, expected="the key of the request", received="another key")


def _waiting(history: History) -> Iterator[tuple[Visit, Control | None]]:
    """Right requests with a code that needs an approval, each with the approval if it was given before."""
    needed = {str(c.request.get("spiffeId")): c for c in history.controls("admit") if c.request.get("approval")}
    approved = {str(c.request.get("spiffeId")): c for c in history.controls("approve")}
    for visit in visits(history, "simpleenroll"):
        client = visit.credential.spiffe_id or ""
        if not visit.has_code or client not in needed or not is_proven(visit.request):
            continue
        approval = approved.get(client)
        if approval is None or approval.started >= visit.view.ended:
            yield visit, None
        elif approval.ended <= visit.view.started:
            yield visit, approval


@judge("onboarding.pending-202")
def enrolment_waits_for_its_approval(history: History) -> Occasions:
    """The agent is told when to come again."""
    for visit, approval in _waiting(history):
        if approval is not None or visit.view.status == 401:
            continue
        after = visit.view.header("retry-after")
        if visit.view.status == 202 and _is_time(after):
            yield kept(visit.view)
        else:
            received = f"{told(visit.view)} and Retry-After {after!r}"
            yield broken(visit.view, expected="status 202 and a Retry-After header", received=received)


def _is_time(value: str | None) -> bool:
    if value is None or value.isdigit():
        return value is not None
    try:
        return parsedate_to_datetime(value) is not None
    except ValueError:
        return False


@judge("onboarding.approved-issued")
def approved_enrolment_is_done(history: History) -> Occasions:
    """The same request brings the certificate."""
    asked: set[tuple[str, bytes]] = set()
    for visit, approval in _waiting(history):
        key = visit.credential.name, visit.view.request_body
        if approval is None:
            asked.add(key)
        elif key in asked:
            if visit.view.status == 200 and visit.issued is not None:
                yield kept(visit.view)
            else:
                yield broken(visit.view, expected="status 200 and a certificate", received=told(visit.view))


def _renewals(history: History, *, retired: bool) -> Iterator[Visit]:
    for visit in visits(history, "simplereenroll"):
        known = visit.credential.spiffe_id
        if known is not None and is_proven(visit.request) and is_retired(history, known, visit.view.started) == retired:
            yield visit


@judge("onboarding.renewal-same-id")
def renewed_certificate_has_the_same_id(history: History) -> Occasions:
    """Whatever the request wishes for."""
    for visit in _renewals(history, retired=False):
        certificate = visit.issued
        if visit.view.status == 200 and certificate is not None:
            yield _named(visit, certificate)
        else:
            yield broken(visit.view, expected="status 200 and a certificate", received=told(visit.view))


@judge("onboarding.renewal-refused")
def retired_client_is_renewed_no_longer(history: History) -> Occasions:
    """A good certificate does not help."""
    for visit in _renewals(history, retired=True):
        if has_problem(visit.view, 403, "not-authorized"):
            yield kept(visit.view)
        else:
            yield broken(visit.view, expected="status 403 with the type 'not-authorized'", received=told(visit.view))
