"""Sins of an agent."""

import json
import shutil
import ssl
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography import x509

from mutants.catalogue import Catalogue, Patch
from wos_reference.agent import agent as agent_module
from wos_reference.agent import cli, desired_state, document, identity, outbox, report, reporter, retrieval, schedule
from wos_reference.agent.agent import Agent
from wos_reference.agent.desired_state import Manifest, ManifestError
from wos_reference.agent.ledger import Ledger, Report
from wos_reference.agent.outbox import Outbox
from wos_reference.agent.reconciler import Reconciler
from wos_reference.agent.retrieval import Retrieval
from wos_reference.agent.runtime.folder import FolderRuntime

MUTANTS = Catalogue()


def _with_context(patch: Patch, change: Any) -> None:
    tls_context = identity.tls_context

    def changed(svid: Path, key: Path, trust_bundle: Path) -> ssl.SSLContext:
        context = tls_context(svid, key, trust_bundle)
        change(context)
        return context

    patch(identity, "tls_context", changed)


@MUTANTS.against("identity.agent-tls-version")
def speaks_tls_1_2_at_most(patch: Patch) -> None:
    """Does not know TLS 1.3."""

    def old(context: ssl.SSLContext) -> None:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    _with_context(patch, old)


@MUTANTS.against("identity.agent-chain-sent")
def sends_its_leaf_alone(patch: Patch) -> None:
    """Leaves the intermediate certificate out."""
    tls_context = identity.tls_context

    def leaf_only(svid: Path, key: Path, trust_bundle: Path) -> ssl.SSLContext:
        end = b"-----END CERTIFICATE-----\n"
        leaf = svid.with_name("leaf.pem")
        leaf.write_bytes(svid.read_bytes().partition(end)[0] + end)
        return tls_context(leaf, key, trust_bundle)

    patch(identity, "tls_context", leaf_only)


@MUTANTS.against("identity.agent-verifies-chain")
def looks_at_the_name_only(patch: Patch) -> None:
    """Does not care who signed the certificate of its WOS."""
    _with_context(patch, lambda context: setattr(context, "verify_mode", ssl.CERT_NONE))


@MUTANTS.against("identity.agent-verifies-validity")
def has_no_clock(patch: Patch) -> None:
    """Accepts certificates of any time."""
    no_check_time = 0x200000
    _with_context(patch, lambda context: setattr(context, "verify_flags", context.verify_flags | no_check_time))


def _patch_leaf_check(patch: Patch, is_right: Any) -> None:
    def verify(leaf: bytes, wos_id: str) -> None:
        if not is_right(x509.load_der_x509_certificate(leaf), wos_id):
            raise ssl.SSLCertVerificationError("the peer is not the WOS")

    patch(identity, "verify_wos_leaf", verify)


@MUTANTS.against("identity.agent-verifies-wos-id")
def accepts_every_peer_of_the_trust_bundle(patch: Patch) -> None:
    """Looks at the chain and not at the name."""
    _patch_leaf_check(patch, lambda leaf, wos_id: not identity.may_sign_certificates(leaf))


@MUTANTS.against("identity.agent-verifies-wos-id")
def compares_names_without_case(patch: Patch) -> None:
    """Takes two ids for one when they differ in upper and lower case."""

    def same(leaf: x509.Certificate, wos_id: str) -> bool:
        return [name.lower() for name in identity.uri_names(leaf)] == [wos_id.lower()]

    _patch_leaf_check(patch, same)


@MUTANTS.against("identity.agent-verifies-wos-id")
def accepts_other_clients_as_wos(patch: Patch) -> None:
    """Looks at the beginning of the id only."""
    _patch_leaf_check(patch, lambda leaf, wos_id: "".join(identity.uri_names(leaf)).startswith(wos_id))


@MUTANTS.against("identity.agent-verifies-leaf")
def accepts_an_authority_as_wos(patch: Patch) -> None:
    """Does not look at what the leaf may be used for."""
    patch(identity, "may_sign_certificates", lambda certificate: False)


@MUTANTS.against("identity.agent-verifies-leaf")
def accepts_one_of_several_names(patch: Patch) -> None:
    """Is content when one of the names is right."""
    _patch_leaf_check(patch, lambda leaf, wos_id: wos_id in identity.uri_names(leaf))


@MUTANTS.against("connectivity.agent-http-version")
def speaks_http_1_0(patch: Patch) -> None:
    """Names the version of 1996."""
    expect_wos = identity.expect_wos

    def expect(context: ssl.SSLContext, *rest: Any) -> None:
        expect_wos(context, *rest)

        class OldSocket(context.sslsocket_class):  # type: ignore[name-defined, misc]
            def sendall(self, data: bytes, flags: int = 0) -> None:
                super().sendall(bytes(data).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1), flags)

            def send(self, data: bytes, flags: int = 0) -> int:
                sent: int = super().send(bytes(data).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1), flags)
                return sent

        context.sslsocket_class = OldSocket

    patch(identity, "expect_wos", expect)


@MUTANTS.against("connectivity.polls")
def takes_its_time(patch: Patch) -> None:
    """Polls at a hundredth of the pace that was declared."""
    load = cli.load

    def slow(file: Path) -> Any:
        configuration = load(file)
        return replace(configuration, poll_interval=100 * configuration.poll_interval)

    patch(cli, "load", slow)


@MUTANTS.against("connectivity.keeps-polling")
def gives_up_after_an_error(patch: Patch) -> None:
    """Asks no more once it was refused."""
    patch(Agent, "_note_odd_answer", lambda self, answer: self._manifest.gate.close_for(1e6))


@MUTANTS.against("connectivity.retry-after-respected")
def does_not_listen(patch: Patch) -> None:
    """Comes back when it likes."""
    patch(schedule, "retry_after_seconds", lambda value, now: 0.0)


@MUTANTS.against("connectivity.retry-after-respected")
def knows_no_dates(patch: Patch) -> None:
    """Reads `Retry-After` in seconds only."""
    patch(schedule, "retry_after_seconds", lambda value, now: float(value) if value and value.isdigit() else 0.0)


@MUTANTS.against("capabilities.announced-first")
def never_announces(patch: Patch) -> None:
    """Polls without having said what it is."""
    patch(Agent, "announce", lambda self: setattr(self, "_announced", True))


@MUTANTS.against("capabilities.announced-first")
def announces_once_in_its_life(patch: Patch) -> None:
    """Does not announce again after a restart."""
    announce = Agent.announce

    def once(self: Agent) -> None:
        if not self._ledger.adopted_version():
            announce(self)
        self._announced = True

    patch(Agent, "announce", once)


@MUTANTS.against("capabilities.body-valid")
def announces_half(patch: Patch) -> None:
    """Leaves out what the schema requires."""
    announce = Agent.announce

    def half(self: Agent) -> None:
        content = json.loads(self._capabilities)
        self._capabilities = json.dumps({"properties": {"id": content["properties"]["id"]}}).encode()
        announce(self)

    patch(Agent, "announce", half)


@MUTANTS.against("capabilities.path-names-device")
def announces_under_another_name(patch: Patch) -> None:
    """All devices call themselves `device`."""
    patch(agent_module, "device_id_of", lambda capabilities, file: "device")


def _without(patch: Patch, header: str) -> None:
    headers = Agent.poll_headers
    patch(Agent, "poll_headers", lambda self: {n: v for n, v in headers(self).items() if n != header})


@MUTANTS.against("desired-state.accept-sent")
def does_not_say_what_it_reads(patch: Patch) -> None:
    """Asks for anything."""
    _without(patch, "accept")


@MUTANTS.against("desired-state.conditional-poll")
def asks_for_everything_again(patch: Patch) -> None:
    """Never sends a tag."""
    _without(patch, "if-none-match")


@MUTANTS.against("desired-state.tag-only-when-adopted")
def remembers_the_tag_of_what_it_refused(patch: Patch) -> None:
    """Sends the tag that it has seen last."""
    take, seen = Agent._take, {}

    def remember(self: Agent, answer: Any) -> None:
        seen["if-none-match"] = desired_state.tag_of(answer.body)
        take(self, answer)

    headers = Agent.poll_headers
    patch(Agent, "_take", remember)
    patch(Agent, "poll_headers", lambda self: headers(self) | seen)


@MUTANTS.against("desired-state.converges")
def forgets_to_remove(patch: Patch) -> None:
    """What is no longer in the manifest runs on."""
    patch(Ledger, "no_longer_want", lambda self, deployment_id: None)


@MUTANTS.against("desired-state.converges")
def ignores_parameters(patch: Patch) -> None:
    """Runs components with nothing set."""
    patch(document, "parameters_of", lambda component, parameters: {})


@MUTANTS.against("desired-state.document-verified")
def trusts_documents(patch: Patch) -> None:
    """Does not compute the digest of a document."""
    patch(
        retrieval,
        "verify_document",
        lambda body, entry: retrieval.read_document(body, entry.deployment_id),
    )


@MUTANTS.against("desired-state.bundle-verified")
def trusts_bundles(patch: Patch) -> None:
    """Does not compute the digest of a bundle, and believes what is in it."""
    verify, members = desired_state.verify_digest, retrieval.verified_members

    def believe(bundle: bytes, manifest: Manifest) -> dict[str, bytes]:
        desired_state.verify_digest = lambda body, digest: None
        try:
            return members(bundle, manifest)
        finally:
            desired_state.verify_digest = verify

    patch(retrieval, "verified_members", believe)


@MUTANTS.against("desired-state.algorithm-known")
def takes_unknown_algorithms_on_trust(patch: Patch) -> None:
    """Does not verify what it cannot verify."""
    verify = desired_state.verify_digest
    patch(desired_state, "known_digest", lambda value: value)
    patch(desired_state, "verify_digest", lambda body, d: verify(body, d) if d.startswith("sha256:") else None)


@MUTANTS.against("desired-state.lower-version-refused")
def adopts_whatever_comes(patch: Patch) -> None:
    """Does not compare versions."""
    patch(desired_state, "is_newer", lambda version, adopted: True)


@MUTANTS.against("desired-state.equal-version-refused")
def adopts_equal_versions(patch: Patch) -> None:
    """Refuses lower versions only."""
    patch(desired_state, "is_newer", lambda version, adopted: version >= adopted)


@MUTANTS.against("desired-state.exact-version")
def compares_versions_as_floats(patch: Patch) -> None:
    """Loses the last digits of large versions."""
    patch(desired_state, "is_newer", lambda version, adopted: float(version) > float(adopted))


def _adopt_without_the_missing(patch: Patch, sign: str) -> None:
    retrieve = Retrieval.retrieve

    def what_there_is(self: Retrieval, manifest: Manifest) -> None:
        try:
            retrieve(self, manifest)
        except (ManifestError, agent_module.NoAnswerError) as error:
            if sign not in str(error):
                raise
            here = tuple(entry for entry in manifest.entries if self._ledger.document(entry.digest))
            object.__setattr__(manifest, "entries", here)

    patch(Retrieval, "retrieve", what_there_is)


@MUTANTS.against("desired-state.failure-keeps-running")
def adopts_what_it_could_get(patch: Patch) -> None:
    """Leaves out what it cannot retrieve or verify, and stops it."""
    _adopt_without_the_missing(patch, "")


@MUTANTS.against("desired-state.not-found-keeps-running")
def takes_404_for_a_removal(patch: Patch) -> None:
    """Stops what it cannot find."""
    _adopt_without_the_missing(patch, "status 404")


@MUTANTS.against("desired-state.size-advisory")
def believes_in_sizes(patch: Patch) -> None:
    """Refuses an artifact that is longer or shorter than announced."""
    read, verify, sizes = desired_state.read_manifest, desired_state.verify_digest, {}

    def note(body: bytes) -> Manifest:
        content = json.loads(body)
        for item in [*content["deployments"], content["bundle"] or {}]:
            sizes[item.get("digest")] = item.get("sizeBytes")
        return read(body)

    def weigh(body: bytes, digest: str) -> None:
        if sizes.get(digest) not in (None, len(body)):
            raise ManifestError("not as long as announced")
        verify(body, digest)

    patch(desired_state, "read_manifest", note)
    patch(desired_state, "verify_digest", weigh)


@MUTANTS.against("desired-state.unknown-members-ignored")
def fears_the_unknown(patch: Patch) -> None:
    """Refuses a manifest with members of tomorrow."""
    read = desired_state.read_manifest

    def strict(body: bytes) -> Manifest:
        if json.loads(body).keys() - {"manifestVersion", "bundle", "deployments"}:
            raise ManifestError("unknown members")
        return read(body)

    patch(desired_state, "read_manifest", strict)


@MUTANTS.against("desired-state.version-survives-power-cut")
def keeps_the_version_in_memory(patch: Patch) -> None:
    """Does not know after a start what it had adopted."""
    record, adopted = Ledger.record_manifest, {"version": 0}

    def remember(self: Ledger, manifest: Manifest) -> None:
        adopted["version"] = manifest.version
        record(self, manifest)

    patch(Ledger, "record_manifest", remember)
    patch(Ledger, "adopted_version", lambda self: adopted["version"])


@MUTANTS.against("desired-state.workloads-survive-power-cut")
def believes_its_records(patch: Patch) -> None:
    """Does not look whether what it has installed still runs; the device forgets it at each start."""
    begin, is_due = FolderRuntime.__init__, Reconciler._is_due

    def empty(self: FolderRuntime, root: Path) -> None:
        shutil.rmtree(root, ignore_errors=True)
        begin(self, root)

    patch(FolderRuntime, "__init__", empty)
    patch(Reconciler, "_is_due", lambda self, d, running: d.state != "installed" and is_due(self, d, running))


def _with_report(patch: Patch, change: Any) -> None:
    report_body = reporter.report_body

    def changed(*arguments: Any) -> tuple[bytes, str]:
        body, state = report_body(*arguments)
        content = json.loads(body)
        change(content)
        return json.dumps(content).encode(), state

    patch(reporter, "report_body", changed)


@MUTANTS.against("status.body-valid")
def writes_states_in_capitals(patch: Patch) -> None:
    """Uses words that the schema does not know."""
    _with_report(patch, lambda content: content["status"].update(state=content["status"]["state"].upper()))


@MUTANTS.against("status.path-names-deployment")
def reports_to_the_wrong_place(patch: Patch) -> None:
    """The path names a deployment that is not in the report."""
    patch(outbox, "status_path", lambda deployment_id: f"/api/v1/deployments/{uuid.uuid4()}/status")


@MUTANTS.against("status.legal-order")
def tells_the_newest_first(patch: Patch) -> None:
    """Delivers the reports about a deployment backwards."""

    def last(self: Ledger) -> list[Any]:
        rows = self._database.execute(
            "SELECT number, deployment_id, body FROM outbox WHERE number IN"
            " (SELECT max(number) FROM outbox GROUP BY deployment_id)"
        )
        return [Report(*row) for row in rows]

    patch(Ledger, "first_reports", last)


def _never_say(patch: Patch, unsaid: str) -> None:
    queue = Ledger.queue_report

    def some(self: Ledger, deployment_id: str, state: str, body: bytes) -> None:
        if state == unsaid:
            self._set_state(deployment_id, state)
        else:
            queue(self, deployment_id, state, body)

    patch(Ledger, "queue_report", some)


@MUTANTS.against("status.installed-reported")
def never_says_installed(patch: Patch) -> None:
    """Stops reporting when the work is done."""
    _never_say(patch, "installed")


@MUTANTS.against("status.removed-reported")
def never_says_removed(patch: Patch) -> None:
    """Removes without a word."""
    _never_say(patch, "removed")


@MUTANTS.against("status.not-before-retrieval")
def says_installing_too_early(patch: Patch) -> None:
    """Reports work on documents that it does not have yet."""
    acceptable = Agent.is_acceptable

    def hasty(self: Agent, manifest: Manifest) -> bool:
        if not acceptable(self, manifest):
            return False
        for entry in manifest.entries:
            content = {
                "apiVersion": "deployment.margo.org/v1alpha1",
                "kind": "DeploymentStatusManifest",
                "deploymentId": entry.deployment_id,
                "adoptedManifestVersion": manifest.version,
                "status": {"state": "installing"},
                "components": [{"name": "main", "state": "installing"}],
            }
            headers = {"content-type": "application/json"}
            self._status.call("POST", outbox.status_path(entry.deployment_id), headers, json.dumps(content).encode())
        return True

    patch(Agent, "is_acceptable", hasty)


@MUTANTS.against("status.tells-the-truth")
def says_installed_and_does_nothing(patch: Patch) -> None:
    """Takes the order for the deed."""
    patch(Reconciler, "is_done", lambda self, deployment, running: True)


@MUTANTS.against("status.tells-the-truth")
def installs_half(patch: Patch) -> None:
    """Runs the first component and calls it done."""
    install = FolderRuntime.install
    first = lambda d: replace(d, components=d.components[:1])  # noqa: E731 - two words about one thing
    patch(FolderRuntime, "install", lambda self, document: install(self, first(document)))
    patch(Reconciler, "is_done", lambda self, d, running: (d.id in running) is d.wanted)


@MUTANTS.against("status.components-complete")
def reports_one_component(patch: Patch) -> None:
    """Says nothing about the other components."""
    _with_report(patch, lambda content: content.update(components=content["components"][:1]))


@MUTANTS.against("status.most-severe-state")
def paints_in_rosy_colours(patch: Patch) -> None:
    """The whole is installed, whatever its parts are."""
    patch(report, "overall_state", lambda states: "installed")


@MUTANTS.against("status.adopted-version")
def reports_a_version_of_tomorrow(patch: Patch) -> None:
    """Names a version that it was never served."""
    _with_report(patch, lambda content: content.update(adoptedManifestVersion=content["adoptedManifestVersion"] + 1))


@MUTANTS.against("status.adopted-version-advances")
def names_the_first_version_for_ever(patch: Patch) -> None:
    """Names the version in which a deployment came, whatever has changed since."""
    want = Ledger.want

    def stale(self: Ledger, entry: Any, version: int) -> None:
        before = {deployment.id: deployment.version for deployment in self.deployments()}
        want(self, entry, before.get(entry.deployment_id, version))

    patch(Ledger, "want", stale)


@MUTANTS.against("status.repeated-after-failure")
def says_everything_once(patch: Patch) -> None:
    """A report that was not taken is forgotten."""
    patch(Outbox, "_note_failure", lambda self, report: self._ledger.settle_report(report.number))
