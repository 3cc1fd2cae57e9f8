"""Puts reports into the outbox so that the states of one deployment always follow the table of `status.md`."""

from wos_reference.agent.document import Document, read_document
from wos_reference.agent.ledger import Deployment, Ledger
from wos_reference.agent.report import ComponentState, report_body, uniform


class Reporter:
    """Knows the documents of the deployments and speaks about them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._documents: dict[str, tuple[str, Document]] = {}

    def document(self, deployment: Deployment) -> Document:
        """The document that the deployment had when it was adopted last."""
        digest, document = self._documents.get(deployment.id, (None, None))
        if document is None or digest != deployment.digest:
            document = read_document(self._ledger.document(deployment.digest) or b"", deployment.id)
            self._documents[deployment.id] = (deployment.digest, document)
        return document

    def report(self, deployment: Deployment, state: str) -> None:
        """Queue a report that all components are in `state`."""
        self.report_components(deployment, uniform(self.document(deployment), state))

    def report_components(self, deployment: Deployment, components: list[ComponentState]) -> None:
        """Queue a report with these components, unless the line already ends with its state."""
        document = self.document(deployment)
        body, state = report_body(document, deployment.version, components)
        if state != "installed":
            self._ledger.withdraw_outdated_claim(deployment.id)
        if may_follow(self._ledger.state_in_line(deployment.id), state):
            self._ledger.queue_report(deployment.id, state, body)

    def forget(self, deployment: Deployment) -> None:
        """Nothing more is to be said about the deployment."""
        self._documents.pop(deployment.id, None)
        self._ledger.forget_deployment(deployment.id)


def may_follow(last: str | None, state: str) -> bool:
    """Whether a report adds something: the table has no step from a state to itself."""
    return last != state
