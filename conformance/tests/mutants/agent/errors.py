"""Sins of an agent around errors."""

from mutants.agent.connectivity import stop_everything
from mutants.catalogue import AGENT, Patch
from wos_reference.agent import outbox
from wos_reference.agent.ledger import Report
from wos_reference.agent.outbox import Outbox
from wos_reference.agent.transport import Answer


@AGENT.against("errors.keeps-running", consequences=("status.tells-the-truth",))
def stops_when_it_is_contradicted(patch: Patch) -> None:
    """Stops everything when a report is refused."""
    settle = Outbox._settle

    def lose_heart(self: Outbox, report: Report, answer: Answer) -> None:
        settle(self, report, answer)
        if answer.status >= 400:
            stop_everything(self._ledger)

    patch(Outbox, "_settle", lose_heart)


@AGENT.against("errors.permanent-not-repeated")
def repeats_itself(patch: Patch) -> None:
    """Sends a report again that was refused for good."""
    patch(outbox, "may_succeed_later", lambda answer: answer.status >= 400)
