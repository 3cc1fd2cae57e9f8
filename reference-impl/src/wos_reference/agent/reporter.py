"""Puts reports into the outbox so that the states of one deployment always follow the table of `status.md`."""

from dataclasses import replace

from wos_reference.agent.document import Document, DocumentError, read_document
from wos_reference.agent.ledger import Deployment, Ledger
from wos_reference.agent.report import ComponentState, bare_body, report_body, uniform
from wos_reference.agent.runtime import WorkloadError


class Reporter:
    """Knows the documents of the deployments and speaks about them; `device` is the own device."""

    def __init__(self, ledger: Ledger, device: str) -> None:
        self._ledger = ledger
        self._device = device
        self._documents: dict[str, tuple[str, Document]] = {}

    def document(self, deployment: Deployment) -> Document:
        """The document that the deployment had when it was adopted last, for its device. Raises DocumentError."""
        digest, document = self._documents.get(deployment.id, (None, None))
        if document is None or digest != deployment.digest:
            document = read_document(self._ledger.document(deployment.digest) or b"", deployment.id)
            self._documents[deployment.id] = (deployment.digest, document)
        return replace(document, device_id=deployment.device or document.device_id)

    def report(self, deployment: Deployment, state: str) -> None:
        """Queue a report that all components are in `state`."""
        try:
            self.report_components(deployment, uniform(self.document(deployment), state))
        except DocumentError:
            self._queue(deployment, state, bare_body(deployment.id, deployment.version, state))

    def report_components(
        self, deployment: Deployment, components: list[ComponentState], failure: WorkloadError | None = None
    ) -> None:
        """Queue a report with these components, unless the line already ends with its state."""
        document = self.document(deployment)
        body, state = report_body(document, deployment.version, components, failure, self._device)
        self._queue(deployment, state, body)

    def report_unreadable(self, deployment: Deployment, failure: WorkloadError) -> None:
        """Queue a report that the document cannot be read."""
        self._queue(deployment, "failed", bare_body(deployment.id, deployment.version, "failed", failure))

    def _queue(self, deployment: Deployment, state: str, body: bytes) -> None:
        if self._ledger.is_refused(deployment.id):
            return
        if state != "installed":
            self._ledger.withdraw_outdated_claim(deployment.id)
        if may_follow(self._ledger.state_in_line(deployment.id), state):
            self._ledger.queue_report(deployment.id, state, body)

    def report_refusal(self, deployment_id: str, version: int, code: str) -> None:
        """Queue once that the WOS refused the document of a revision, or served other bytes."""
        if not self._ledger.is_refusal_told(deployment_id, version, code):
            self._queue_refusal(deployment_id, version, code)

    def repeat(self) -> None:
        """Queue once more what was said last of each deployment."""
        self._ledger.repeat_reports()
        for refusal in self._ledger.refusals():
            self._queue_refusal(*refusal)

    def _queue_refusal(self, deployment_id: str, version: int, code: str) -> None:
        message = "the WOS refused the document" if code == "retrieval-failed" else "the bytes have another digest"
        body = bare_body(deployment_id, version, "failed", WorkloadError(message, code=code))
        self._ledger.queue_refusal(deployment_id, version, code, body)

    def forget(self, deployment: Deployment) -> None:
        """Nothing more is to be said about the deployment."""
        self._documents.pop(deployment.id, None)
        self._ledger.forget_deployment(deployment.id)


def may_follow(last: str | None, state: str) -> bool:
    """Whether a report adds something: the table has no step from a state to itself."""
    return last != state
