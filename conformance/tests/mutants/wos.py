"""Sins of a WOS. D numbers name real defects that were seen in products of others."""

import itertools
import json
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, select, update
from starlette.responses import Response

from mutants.catalogue import Catalogue, Patch
from wos_reference.wos import artifact, fleet, identity, interface, problem, schema, server, storage
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.interface import Interface

MUTANTS = Catalogue()


@MUTANTS.against("identity.path-shape-exact")
def accepts_any_path(patch: Patch) -> None:
    """Looks at the beginning of the SPIFFE id only."""
    patch(identity, "check_path", lambda spiffe_id, own_id: None)


@MUTANTS.against("identity.wos-id-matched")
def accepts_agents_of_another_wos(patch: Patch) -> None:
    """Does not compare the WOS in the caller's id with itself."""
    patch(identity, "check_path", lambda spiffe_id, own_id: identity._AGENT.fullmatch(spiffe_id) or _refuse())


def _refuse() -> None:
    raise identity.IdentityError("not the id of an agent")


@MUTANTS.against("identity.one-uri-name")
def takes_the_first_of_two_names(patch: Patch) -> None:
    """Does not count the names in a certificate."""
    patch(identity, "check_names", lambda peer: peer.uris or _refuse())


@MUTANTS.against("identity.leaf-constraints")
def accepts_authorities(patch: Patch) -> None:
    """Lets certification authorities be clients."""
    patch(identity, "check_leaf", lambda peer: None)


@MUTANTS.against("identity.client-admitted")
def accepts_the_whole_namespace(patch: Patch) -> None:
    """Treats everybody with a valid id as accepted."""
    patch(Fleet, "accepts", lambda self, spiffe_id: self.admit_unknown(spiffe_id))
    Fleet.admit_unknown = _admit_unknown  # type: ignore[attr-defined]


def _admit_unknown(self: Fleet, spiffe_id: str) -> bool:
    with self.change() as connection:
        if connection.execute(select(storage.clients.c.admitted).filter_by(spiffe_id=spiffe_id)).first() is None:
            self.admit(connection, spiffe_id)
    return True


@MUTANTS.against("identity.policy-per-request")
def asks_the_policy_once(patch: Patch) -> None:
    """Remembers that a client was accepted."""
    accepted: set[str] = set()
    accepts = Fleet.accepts

    def once(self: Fleet, spiffe_id: str) -> bool:
        if spiffe_id in accepted or accepts(self, spiffe_id):
            accepted.add(spiffe_id)
        return spiffe_id in accepted

    patch(Fleet, "accepts", once)


@MUTANTS.against("identity.scope-isolated")
def serves_documents_of_others(patch: Patch) -> None:
    """Looks artifacts up by digest alone (D06)."""

    def anybodys(self: Fleet, spiffe_id: str, name: str, digest: str) -> bytes | None:
        with self._reading.connect() as connection:
            found = select(storage.artifacts.c.content).filter_by(name=name, digest=digest)
            return connection.execute(found).scalar()

    patch(Fleet, "artifact", anybodys)


@MUTANTS.against("identity.caller-from-svid")
def keeps_devices_by_id_alone(patch: Patch) -> None:
    """Two clients with one device id share one record."""
    keep, forget = Fleet.keep_device, Fleet.forget_device
    patch(Fleet, "keep_device", lambda self, client, device, document: keep(self, "", device, document))
    patch(Fleet, "forget_device", lambda self, client, device: forget(self, "", device))


@MUTANTS.against("identity.wos-old-tls-refused")
def speaks_old_tls(patch: Patch) -> None:
    """Allows every version and cipher that OpenSSL has."""

    def anything(config: Any, default: Any) -> Any:
        context = default()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = server.ssl.TLSVersion.MINIMUM_SUPPORTED
        return context

    patch(server, "tls_context", anything)


@MUTANTS.against("capabilities.repeat-200")
def creates_again(patch: Patch) -> None:
    """Answers every announcement with 201 (D13)."""
    keep = Fleet.keep_device
    patch(Fleet, "keep_device", lambda *arguments: keep(*arguments) or True)


@MUTANTS.against("capabilities.invalid-422")
def accepts_what_the_schema_forbids(patch: Patch) -> None:
    """Does not look at enumerated values (D14)."""
    faults = schema.faults
    patch(schema, "faults", lambda name, value: [f for f in faults(name, value) if "is not one of" not in f["message"]])


@MUTANTS.against("capabilities.refused-not-kept")
def keeps_what_it_refuses(patch: Patch) -> None:
    """Stores a document before it compares it with the path."""
    announce = Interface.announce

    async def keep_first(self: Interface, request: Any, client: str, parameters: dict[str, str]) -> Response:
        document = json.loads(await request.body())
        self.fleet.keep_device(client, parameters["deviceId"], document)
        return await announce(self, request, client, parameters)

    patch(Interface, "announce", keep_first)


@MUTANTS.against("capabilities.kept-as-sent")
def loses_what_it_does_not_know(patch: Patch) -> None:
    """Keeps the members of the schema only."""
    keep = Fleet.keep_device
    known = {"properties", "labels"}

    def some(self: Fleet, client: str, device: str, document: dict[str, Any]) -> bool:
        return keep(self, client, device, {name: document[name] for name in document if name in known})

    patch(Fleet, "keep_device", some)


@MUTANTS.against("capabilities.delete-204")
def forgets_all_devices_at_once(patch: Patch) -> None:
    """Deleting one device deletes all of the client (D46)."""

    def all_of_them(self: Fleet, client: str, device: str) -> bool:
        with self.change() as connection:
            return bool(connection.execute(delete(storage.devices).filter_by(spiffe_id=client)).rowcount)

    patch(Fleet, "forget_device", all_of_them)


@MUTANTS.against("desired-state.etag-is-digest")
def tags_what_it_does_not_send(patch: Patch) -> None:
    """Computes the tag of a manifest without its last byte (D43)."""
    patch(interface, "manifest_headers", lambda c: {"ETag": interface.etag_of(c[:-1]), "Cache-Control": "private"})


@MUTANTS.against("desired-state.etag-is-digest")
def tags_the_bundle(patch: Patch) -> None:
    """The tag of a manifest is the digest of its bundle (D01)."""

    def of_bundle(content: bytes) -> dict[str, str]:
        bundle = json.loads(content)["bundle"] or {"digest": artifact.digest_of(content)}
        return {"ETag": f'"{bundle["digest"]}"', "Cache-Control": "private"}

    patch(interface, "manifest_headers", of_bundle)


@MUTANTS.against("desired-state.manifest-cache-private")
def says_nothing_about_caching(patch: Patch) -> None:
    """Sends no `Cache-Control` with a manifest (D44)."""
    patch(interface, "manifest_headers", lambda content: {"ETag": interface.etag_of(content)})


@MUTANTS.against("desired-state.manifest-not-immutable")
def marks_the_manifest_immutable(patch: Patch) -> None:
    """Lets caches keep a manifest for ever (D03)."""
    patch(interface, "manifest_headers", interface.artifact_headers)


@MUTANTS.against("desired-state.not-modified")
def ignores_tags(patch: Patch) -> None:
    """Serves the manifest whatever the caller holds."""
    patch(interface, "matches", lambda if_none_match, etag: False)


@MUTANTS.against("desired-state.not-modified")
def knows_no_lists_of_tags(patch: Patch) -> None:
    """Compares `If-None-Match` as one text (D08)."""
    patch(interface, "matches", lambda if_none_match, etag: if_none_match == [etag])


@MUTANTS.against("desired-state.modified-served")
def takes_any_tag_for_the_current_one(patch: Patch) -> None:
    """Answers 304 to every conditional request."""
    patch(interface, "matches", lambda if_none_match, etag: bool(if_none_match))


@MUTANTS.against("desired-state.modified-served")
def trims_quotes(patch: Patch) -> None:
    """Takes a text without quotes for a tag (D08)."""
    patch(interface, "_quoted", lambda if_none_match: True)


@MUTANTS.against("desired-state.accept-absent")
def refuses_a_missing_accept(patch: Patch) -> None:
    """Wants to be told what it should send (D10)."""
    accepts = interface.accepts_manifest
    patch(interface, "accepts_manifest", lambda accept: bool(accept) and accepts(accept))


@MUTANTS.against("desired-state.accept-unsupported")
def ignores_accept(patch: Patch) -> None:
    """Sends a manifest to everybody (D09)."""
    patch(interface, "accepts_manifest", lambda accept: True)


@MUTANTS.against("desired-state.version-grows")
def keeps_versions_in_short_floats(patch: Patch) -> None:
    """Writes versions that went through 32 bits (D04)."""
    manifest = artifact.manifest

    def rounded(version: int, *rest: Any) -> bytes:
        return manifest(min(int(struct.unpack("f", struct.pack("f", version))[0]), 2**64 - 1), *rest)

    patch(artifact, "manifest", rounded)


@MUTANTS.against("desired-state.version-only-on-change")
def counts_every_request(patch: Patch) -> None:
    """Gives each answer to a client a version of its own."""
    counters = defaultdict[str, Iterator[int]](lambda: itertools.count(1))
    manifest = Fleet.manifest

    def counted(self: Fleet, client: str) -> bytes:
        return json.dumps(json.loads(manifest(self, client)) | {"manifestVersion": next(counters[client])}).encode()

    patch(Fleet, "manifest", counted)


@MUTANTS.against("desired-state.first-version")
def begins_with_version_7(patch: Patch) -> None:
    """The first manifest of a client is not the first version."""
    following = fleet.next_version
    patch(fleet, "next_version", lambda published, floor: following(published, max(floor, 6)))


@MUTANTS.against("desired-state.change-published")
def forgets_to_withdraw(patch: Patch) -> None:
    """A withdrawal is acknowledged and not published."""
    patch(Fleet, "withdraw", lambda self, connection, deployment_id: None)


@MUTANTS.against("desired-state.empty-bundle-null")
def bundles_nothing(patch: Patch) -> None:
    """Names an empty archive when there are no deployments."""
    reference = artifact.bundle_reference
    patch(artifact, "bundle_reference", lambda archive: reference(archive or artifact.bundle({})))


@MUTANTS.against("desired-state.document-digest")
def writes_documents_anew(patch: Patch) -> None:
    """Serves other bytes than it has computed the digest of (D05)."""
    find = Interface.find

    async def anew(self: Interface, client: str, name: str, digest: str) -> bytes | None:
        content = await find(self, client, name, digest)
        return content + b"\n" if content and name != fleet.BUNDLE else content

    patch(Interface, "find", anew)


@MUTANTS.against("desired-state.document-served")
def loses_documents(patch: Patch) -> None:
    """Names documents that cannot be had (D05)."""

    async def nothing(self: Interface, *arguments: Any) -> Response:
        return problem.problem("deployment-not-found")

    patch(Interface, "get_document", nothing)


@MUTANTS.against("desired-state.document-unknown-404")
def compares_the_tag_before_the_path(patch: Patch) -> None:
    """Answers 304 for a document that never was (D07)."""
    get = Interface.get_document

    async def hasty(self: Interface, request: Any, client: str, parameters: dict[str, str]) -> Response:
        if request.headers.get("if-none-match") == f'"{parameters["digest"]}"':
            return Response(status_code=304)
        return await get(self, request, client, parameters)

    patch(Interface, "get_document", hasty)


@MUTANTS.against("desired-state.document-cache")
def lets_everybody_cache_documents(patch: Patch) -> None:
    """Marks documents as public."""
    patch(interface, "IMMUTABLE", "public, max-age=31536000, immutable")


@MUTANTS.against("desired-state.bundle-exact-set")
def adds_a_file_to_the_bundle(patch: Patch) -> None:
    """Puts a surplus member into the archive."""
    bundle = artifact.bundle
    patch(artifact, "bundle", lambda documents: bundle({**documents, "readme": b"hello"}))


@MUTANTS.against("deployment.parameters-as-assigned")
def ignores_assigned_values(patch: Patch) -> None:
    """Uses the values of the description only."""
    parameters = artifact.parameters
    patch(artifact, "parameters", lambda deployment: parameters(replace(deployment, parameters={})))


@MUTANTS.against("deployment.other-deployments-untouched")
def stamps_documents(patch: Patch) -> None:
    """Publishes all deployments of a client anew when one changes."""
    publish = Fleet.publish

    def stamped(self: Fleet, connection: Any, client: str) -> None:
        rows = connection.execute(select(storage.deployments).filter_by(spiffe_id=client)).all()
        for row in rows:
            changed = update(storage.deployments).where(storage.deployments.c.id == row.id)
            connection.execute(changed.values(document=row.document + b"\n"))
        publish(self, connection, client)

    patch(Fleet, "publish", stamped)


@MUTANTS.against("status.unknown-deployment-404")
def stumbles_over_unknown_deployments(patch: Patch) -> None:
    """A report about a deployment that never was ends in a server error (D16)."""
    keep = Fleet.keep_status

    def stumbling(self: Fleet, client: str, deployment_id: str, report: Any) -> bool | None:
        if (first := keep(self, client, deployment_id, report)) is None:
            raise problem.Refusal(problem.transient_problem(500))
        return first

    patch(Fleet, "keep_status", stumbling)


@MUTANTS.against("status.newest-visible")
def shows_the_first_report_for_ever(patch: Patch) -> None:
    """Accepts later reports and throws them away."""
    keep = Fleet.keep_status

    def once(self: Fleet, client: str, deployment_id: str, report: Any) -> bool | None:
        for entry in self.view(client)["deployments"]:
            if entry["deploymentId"] == deployment_id and entry["status"] is not None:
                return False
        return keep(self, client, deployment_id, report)

    patch(Fleet, "keep_status", once)


@MUTANTS.against("errors.problem-media-type")
def sends_errors_as_plain_json(patch: Patch) -> None:
    """Errors are JSON of no particular kind (D11, D45)."""
    patch(problem, "MEDIA_TYPE", "application/json")


@MUTANTS.against("errors.type-registered")
def uses_types_of_another_registry(patch: Patch) -> None:
    """Writes the URI of a problem type with a slash."""
    patch(problem, "BASE", "https://docs.margo.org/specification/problem-types/")


@MUTANTS.against("errors.transient-retry-after")
def does_not_say_when(patch: Patch) -> None:
    """Sends 503 without `Retry-After`."""
    patch(problem, "retry_headers", dict)


@MUTANTS.against("errors.transient-members")
def says_that_nothing_passes(patch: Patch) -> None:
    """Sends 503 as if it were for ever."""
    patch(problem, "transient", problem.permanent)


@MUTANTS.against("errors.permanent-not-retryable")
def promises_better_answers(patch: Patch) -> None:
    """Sends 404 and 422 as if they would pass."""
    patch(problem, "permanent", problem.transient)


@MUTANTS.against("errors.no-server-error")
def stumbles_over_deep_nesting(patch: Patch) -> None:
    """A body that is nested deeply ends in a server error."""
    body = interface.json_body

    async def shallow(request: Any) -> Any:
        if b"[" * 1000 in await request.body():
            raise problem.Refusal(problem.transient_problem(500))
        return await body(request)

    patch(interface, "json_body", shallow)


@MUTANTS.against("errors.method-405")
def knows_no_methods(patch: Patch) -> None:
    """A method that a path does not have is not found."""
    plain = interface.plain_problem
    patch(interface, "plain_problem", lambda status, *rest: plain(404 if status == 405 else status, *rest))
