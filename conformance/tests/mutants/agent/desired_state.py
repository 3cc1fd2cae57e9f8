"""Sins of an agent around desired-state."""

import json
import shutil
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from mutants.catalogue import AGENT, Patch
from wos_reference.agent import adoption, desired_state, document
from wos_reference.agent.agent import Agent
from wos_reference.agent.desired_state import Manifest, ManifestError
from wos_reference.agent.ledger import Ledger
from wos_reference.agent.reconciler import Reconciler
from wos_reference.agent.runtime import folder, workloads_of
from wos_reference.agent.runtime.folder import FolderRuntime


def _without(patch: Patch, header: str) -> None:
    headers = Agent.poll_headers
    patch(Agent, "poll_headers", lambda self: {n: v for n, v in headers(self).items() if n != header})


@AGENT.against("desired-state.accept-sent")
def does_not_say_what_it_reads(patch: Patch) -> None:
    """Asks for anything."""
    _without(patch, "accept")


@AGENT.against("desired-state.conditional-poll")
def asks_for_everything_again(patch: Patch) -> None:
    """Never sends a tag."""
    _without(patch, "if-none-match")


@AGENT.against(
    "desired-state.tag-only-when-adopted",
    consequences=("desired-state.converges", "status.installed-reported", "status.removed-reported"),
)
def remembers_the_tag_of_what_it_refused(patch: Patch) -> None:
    """Sends the tag that it has seen last (D32)."""
    take, seen = Agent._take, {}

    def remember(self: Agent, answer: Any) -> None:
        seen["if-none-match"] = desired_state.tag_of(answer.body)
        take(self, answer)

    headers = Agent.poll_headers
    patch(Agent, "_take", remember)
    patch(Agent, "poll_headers", lambda self: headers(self) | seen)


@AGENT.against(
    "desired-state.converges",
    consequences=(
        "desired-state.size-advisory",
        "extensions.unknown-ignored",
        "status.installed-reported",
        "status.removed-reported",
    ),
)
def forgets_to_remove(patch: Patch) -> None:
    """What is no longer in the manifest runs on."""
    patch(Ledger, "no_longer_want", lambda self, deployment_id: None)


@AGENT.against(
    "desired-state.lower-version-refused",
    consequences=(
        "boundary.no-return-to-older",
        "desired-state.equal-version-refused",
        "desired-state.tag-only-when-adopted",
        "status.legal-order",
    ),
)
def adopts_whatever_comes(patch: Patch) -> None:
    """Does not compare versions."""
    patch(desired_state, "is_newer", lambda version, adopted: True)


@AGENT.against(
    "desired-state.equal-version-refused",
    consequences=("desired-state.tag-only-when-adopted", "status.legal-order", "status.removed-reported"),
)
def adopts_equal_versions(patch: Patch) -> None:
    """Refuses lower versions only (D29)."""
    patch(desired_state, "is_newer", lambda version, adopted: version >= adopted)


@AGENT.against("desired-state.exact-version", consequences=("desired-state.converges", "status.installed-reported"))
def compares_versions_as_floats(patch: Patch) -> None:
    """Loses the last digits of large versions."""
    patch(desired_state, "is_newer", lambda version, adopted: float(version) > float(adopted))


@AGENT.against(
    "desired-state.converges",
    consequences=(
        "deployment.compose-environment-set",
        "deployment.helm-values-set",
        "deployment.parameters-applied",
        "status.installed-reported",
        "status.survives-power-cut",
        "status.tells-the-truth",
    ),
)
def leaves_what_is_there_already(patch: Patch) -> None:
    """An update ends with the first component of which a workload exists (D35)."""
    install = FolderRuntime.install

    def first_only(self: FolderRuntime, document: document.Document) -> None:
        if self.running(document.deployment_id):
            folder.write_workload(self._root / document.deployment_id, workloads_of(document)[0])
        else:
            install(self, document)

    patch(FolderRuntime, "install", first_only)


@AGENT.against(
    "desired-state.unknown-members-ignored",
    consequences=("desired-state.converges", "status.installed-reported", "status.removed-reported"),
)
def fears_the_unknown(patch: Patch) -> None:
    """Refuses a manifest with members of tomorrow."""
    read = desired_state.read_manifest

    def strict(body: bytes) -> Manifest:
        if json.loads(body).keys() - {"manifestVersion", "bundle", "deployments"}:
            raise ManifestError("unknown members")
        return read(body)

    patch(desired_state, "read_manifest", strict)


@AGENT.against(
    "desired-state.version-survives-power-cut",
    consequences=("boundary.no-return-to-older", "desired-state.lower-version-refused", "status.legal-order"),
)
def keeps_the_version_in_memory(patch: Patch) -> None:
    """Does not know after a start what it had adopted."""
    record, adopted = Ledger.record_manifest, {"version": 0}

    def remember(self: Ledger, manifest: Manifest) -> None:
        adopted["version"] = manifest.version
        record(self, manifest)

    patch(Ledger, "record_manifest", remember)
    patch(Ledger, "adopted_version", lambda self: adopted["version"])


@AGENT.against(
    "desired-state.workloads-survive-power-cut", consequences=("desired-state.converges", "status.tells-the-truth")
)
def believes_its_records(patch: Patch) -> None:
    """Does not look whether what it has installed still runs; the device forgets it at each start."""
    begin, is_due = Agent.__init__, Reconciler._is_due

    def empty(self: Agent, configuration: Any, ledger: Ledger, runtime: Any, *rest: Any) -> None:
        shutil.rmtree(runtime._root, ignore_errors=True)
        begin(self, configuration, ledger, runtime, *rest)

    patch(Agent, "__init__", empty)
    patch(Reconciler, "_is_due", lambda self, d, running: d.state != "installed" and is_due(self, d, running))


@AGENT.against("desired-state.failure-stays-alone", consequences=("status.installed-reported",))
def refuses_all_when_one_fails(patch: Patch) -> None:
    """Does not adopt a manifest when a component of one deployment cannot be retrieved."""
    adopt = adoption.adopt

    def strict(manifest: Manifest, ledger: Ledger, reporter: Any) -> None:
        for entry in manifest.entries:
            with suppress(document.DocumentError):
                found = document.read_document(ledger.document(entry.digest) or b"", entry.deployment_id)
                if any(".invalid/" in component.repository for component in found.components):
                    raise ManifestError("a component cannot be retrieved")
        adopt(manifest, ledger, reporter)

    patch(adoption, "adopt", strict)


@AGENT.against("desired-state.manifest-verified")
def trusts_manifests(patch: Patch) -> None:
    """Does not compare a manifest with its tag."""
    patch(desired_state, "verify_manifest", lambda body, tag, content_type: None)


@AGENT.against("desired-state.invalid-manifest-refused", consequences=("desired-state.tag-only-when-adopted",))
def reads_what_it_needs(patch: Patch) -> None:
    """Does not look at the media type of a bundle."""

    read = desired_state._bundle

    def of_any_type(value: Any) -> desired_state.Bundle | None:
        return read({**value, "mediaType": desired_state.BUNDLE_MEDIA_TYPE} if isinstance(value, dict) else value)

    patch(desired_state, "_bundle", of_any_type)


def _read_as(patch: Patch, change: Callable[[dict[str, Any]], Any]) -> None:
    """Read a manifest as if it were another one."""
    read = desired_state.read_manifest

    def changed(body: bytes) -> Manifest:
        try:
            change(content := json.loads(body))
        except (ValueError, LookupError, TypeError, AttributeError):
            return read(body)
        return replace(read(json.dumps(content).encode()), tag=desired_state.tag_of(body))

    patch(desired_state, "read_manifest", changed)


@AGENT.against("desired-state.deployment-twice-refused", consequences=("desired-state.tag-only-when-adopted",))
def takes_the_last_of_two(patch: Patch) -> None:
    """Lets the later entry of a deployment win."""

    def last(content: dict[str, Any]) -> None:
        content["deployments"] = list({entry["deploymentId"]: entry for entry in content["deployments"]}.values())

    _read_as(patch, last)


@AGENT.against("desired-state.foreign-url-not-called", consequences=("boundary.redirect-not-followed",))
def goes_wherever_it_is_sent(patch: Patch) -> None:
    """Dials the host in a URL of a manifest."""

    def dial(content: dict[str, Any]) -> None:
        for item in [*content["deployments"], content["bundle"] or {}]:
            where = urlsplit(item.get("url", ""))
            if where.hostname:
                with suppress(OSError):
                    socket.create_connection((where.hostname, where.port or 443), timeout=1).close()

    _read_as(patch, dial)


@AGENT.against("desired-state.same-manifest-unchanged", consequences=("status.tells-the-truth",))
def begins_anew_with_each_answer(patch: Patch) -> None:
    """Stops everything when it is served what it runs, and starts it again."""
    acceptable = Agent.is_acceptable

    def restart(self: Agent, manifest: Manifest) -> bool:
        if manifest.tag == self._ledger.adopted_tag():
            for entry in manifest.entries:
                self._reconciler._runtime.remove(entry.deployment_id)
        return acceptable(self, manifest)

    patch(Agent, "is_acceptable", restart)


@AGENT.against("desired-state.version-refusal-reported")
def refuses_in_silence(patch: Patch) -> None:
    """Says nothing about a manifest of a lower version."""
    patch(Agent, "_refuse_version", lambda self, manifest, adopted: None)


@AGENT.against(
    "desired-state.least-sizes-taken",
    consequences=("desired-state.converges", "status.installed-reported", "status.removed-reported"),
)
def takes_ten_deployments_at_most(patch: Patch) -> None:
    """Refuses a manifest that is not small."""
    patch(desired_state, "DEPLOYMENT_LIMIT", 10)
