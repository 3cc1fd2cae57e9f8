"""The moment in which a verified manifest becomes the desired state (`desired-state.md`, Adopting)."""

import logging
from contextlib import suppress

from wos_reference.agent.desired_state import Manifest
from wos_reference.agent.document import DocumentError
from wos_reference.agent.ledger import Deployment, Ledger
from wos_reference.agent.reporter import Reporter

log = logging.getLogger(__name__)


def adopt(manifest: Manifest, ledger: Ledger, reporter: Reporter) -> None:
    """Make `manifest`, whose documents are in the ledger, the desired state; durable when this returns."""
    with ledger.transaction():
        before = {deployment.id: deployment for deployment in ledger.deployments()}
        ledger.record_manifest(manifest)
        ledger.forget_refusals()
        for entry in manifest.entries:
            ledger.want(entry, manifest.version)
        for deployment_id in before.keys() - {entry.deployment_id for entry in manifest.entries}:
            ledger.no_longer_want(deployment_id)
        for deployment in ledger.deployments():
            if has_changed(before.get(deployment.id), deployment):
                report_first_state(deployment, reporter)
    log.info("adopted manifest version %d with %d deployments", manifest.version, len(manifest.entries))


def has_changed(before: Deployment | None, after: Deployment) -> bool:
    """Whether a manifest changes what is to be done about a deployment."""
    return before is None or (before.digest, before.wanted) != (after.digest, after.wanted)


def report_first_state(deployment: Deployment, reporter: Reporter) -> None:
    """Say with which state new work begins, unless the document cannot be read or a gateway has to choose first."""
    if not deployment.wanted:
        reporter.report(deployment, "removing")
        return
    with suppress(DocumentError):
        if not reporter.document(deployment).device_id.endswith("/*"):
            reporter.report(deployment, "pending")
