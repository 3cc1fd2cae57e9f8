"""Sins of a WOS around onboarding."""

import contextlib
from copy import copy
from types import SimpleNamespace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import delete, select, update
from starlette.responses import Response

from mutants.catalogue import WOS, Patch
from wos_reference.wos import enrolment, identity_service, storage, trust_bundle
from wos_reference.wos.enrolment import Enrolment
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.identity_service import IdentityService
from wos_reference.wos.issuer import Issuer


@WOS.against("onboarding.return-empty")
def gives_back_what_was_there_before(patch: Patch) -> None:
    """A client that returns gets the deployments that it had."""
    admit = Fleet.admit

    def keep(self: Fleet, connection: Any, spiffe_id: str) -> None:
        connection.execute(update(storage.clients).filter_by(spiffe_id=spiffe_id).values(admitted=False))
        connection.execute(delete(storage.devices).filter_by(spiffe_id=spiffe_id))

    def admit_all(self: Fleet, connection: Any, spiffe_id: str) -> None:
        admit(self, connection, spiffe_id)
        self.publish(connection, spiffe_id)

    patch(Fleet, "retire", keep)
    patch(Fleet, "admit", admit_all)


@WOS.against("onboarding.return-greater-version", consequences=("desired-state.version-grows",))
def forgets_whoever_leaves(patch: Patch) -> None:
    """A client that returns begins with version 1 again."""
    retire = Fleet.retire

    def forget(self: Fleet, connection: Any, spiffe_id: str) -> None:
        retire(self, connection, spiffe_id)
        for table in (storage.clients, storage.manifests, storage.artifacts):
            connection.execute(delete(table).where(table.c.spiffe_id == spiffe_id))

    patch(Fleet, "retire", forget)


@WOS.against("onboarding.roots-served")
def serves_its_issuer_as_a_root(patch: Patch) -> None:
    """Puts the authority that signs SVIDs beside the roots."""

    async def roots(self: IdentityService, request: Any) -> Response:
        return identity_service.certificates([*self._trust.bundle.roots, *self._issuer._chain])

    patch(IdentityService, "send_roots", roots)


@WOS.against("onboarding.certificates-format")
def sends_certificates_of_no_particular_type(patch: Patch) -> None:
    """Calls a CMS message a stream of bytes."""
    certificates = identity_service.certificates

    def untyped(found: Any) -> Response:
        answer = certificates(found)
        answer.headers["Content-Type"] = "application/octet-stream"
        return answer

    patch(identity_service, "certificates", untyped)


@WOS.against("onboarding.request-proof-checked")
def certifies_keys_that_nobody_has_shown(patch: Patch) -> None:
    """Does not verify the signature of a certificate request."""
    patch(identity_service, "read_request", x509.load_der_x509_csr)


@WOS.against("onboarding.credential-required")
def enrols_whoever_comes(patch: Patch) -> None:
    """Takes a code that nobody gave out for one that somebody did."""
    use = enrolment.use_code

    def use_any(connection: Any, code: str, digest: str) -> Enrolment:
        if enrolment._find(connection, code) is None:
            return Enrolment(connection.execute(select(storage.clients.c.spiffe_id)).scalar(), waits=False)
        return use(connection, code, digest)

    patch(enrolment, "knows", lambda connection, code: True)
    patch(enrolment, "use_code", use_any)


@WOS.against("onboarding.code-one-key")
def takes_a_code_for_many_keys(patch: Patch) -> None:
    """Forgets with which key a code came first."""
    use, codes = enrolment.use_code, storage.enrolments

    def use_again(connection: Any, code: str, digest: str) -> Enrolment:
        known = update(codes).where(codes.c.code_digest == enrolment._digest(code))
        connection.execute(known.values(key_digest=None))
        return use(connection, code, digest)

    patch(enrolment, "use_code", use_again)


@WOS.against("onboarding.id-assigned")
def gives_every_id_that_is_wished_for(patch: Patch) -> None:
    """Copies the name from the certificate request."""
    issue = Issuer.issue

    def obey(self: Issuer, request: Any, spiffe_id: str) -> Any:
        with contextlib.suppress(x509.ExtensionNotFound, IndexError):
            names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            spiffe_id = names.get_values_for_type(x509.UniformResourceIdentifier)[0]
        return issue(self, request, spiffe_id)

    patch(Issuer, "issue", obey)


@WOS.against("onboarding.key-certified")
def certifies_a_key_of_its_own(patch: Patch) -> None:
    """Makes a key for the client, and keeps it."""
    issue = Issuer.issue
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    patch(Issuer, "issue", lambda self, request, name: issue(self, SimpleNamespace(public_key=lambda: key), name))


@WOS.against("onboarding.pending-202")
def does_not_say_when_to_ask_again(patch: Patch) -> None:
    """Answers 202 without `Retry-After`."""
    enrol = IdentityService.enrol

    async def silent(self: IdentityService, request: Any) -> Response:
        answer = await enrol(self, request)
        if answer.status_code == 202:
            del answer.headers["Retry-After"]
        return answer

    patch(IdentityService, "enrol", silent)


@WOS.against("onboarding.pending-202")
def waits_for_no_approval(patch: Patch) -> None:
    """Issues a certificate before anybody has approved it."""
    use = enrolment.use_code
    patch(enrolment, "use_code", lambda *arguments: Enrolment(use(*arguments).spiffe_id, waits=False))


@WOS.against("onboarding.approved-issued")
def waits_for_ever(patch: Patch) -> None:
    """Acknowledges an approval and does nothing about it."""
    patch(enrolment, "approve", lambda connection, spiffe_id: None)


@WOS.against("onboarding.renewal-same-id")
def renames_whoever_renews(patch: Patch) -> None:
    """Gives a client another id with its second certificate."""
    renew = IdentityService.renew

    async def rename(self: IdentityService, request: Any) -> Response:
        service, issuer = copy(self), self._issuer
        service._issuer = SimpleNamespace(issue=lambda wanted, spiffe_id: issuer.issue(wanted, f"{spiffe_id}-2"))  # type: ignore[assignment]
        return await renew(service, request)

    patch(IdentityService, "renew", rename)


@WOS.against("onboarding.renewal-refused", consequences=("identity.policy-per-request",))
def renews_for_whoever_has_left(patch: Patch) -> None:
    """Looks at the certificate and not at the policy."""

    async def accept(self: IdentityService, spiffe_id: str) -> None:
        return None

    patch(IdentityService, "_check_accepted", accept)


@WOS.against("onboarding.discovery-valid")
def does_not_name_its_trust_domain(patch: Patch) -> None:
    """Leaves the trust domain out of the discovery document."""
    document = identity_service.json_document

    def without(request: Any, content: dict[str, Any]) -> Response:
        return document(request, {name: value for name, value in content.items() if name != "trustDomain"})

    patch(identity_service, "json_document", without)


@WOS.against("onboarding.trust-bundle-valid")
def does_not_say_what_keys_are_for(patch: Patch) -> None:
    """Leaves the use of each key out of the trust bundle."""
    jwk = trust_bundle._jwk
    patch(trust_bundle, "_jwk", lambda root: {name: value for name, value in jwk(root).items() if name != "use"})


@WOS.against("onboarding.trust-not-modified")
def sends_the_trust_bundle_each_time(patch: Patch) -> None:
    """Ignores the tag of whoever has it already."""
    patch(identity_service, "matches", lambda if_none_match, etag: False)


@WOS.against("onboarding.sequence-grows")
def numbers_every_trust_bundle_1(patch: Patch) -> None:
    """Gives other roots the same number (D27)."""
    document = trust_bundle.spiffe_document
    patch(trust_bundle, "spiffe_document", lambda bundle: document(bundle) | {"spiffe_sequence": 1})
