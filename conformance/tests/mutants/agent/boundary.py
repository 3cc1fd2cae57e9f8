"""Sins of an agent that does the work of others."""

import json
from pathlib import Path
from typing import Any

from mutants.agent.capabilities import with_offer
from mutants.agent.connectivity import stop_everything
from mutants.agent.status import with_report
from mutants.catalogue import AGENT, Patch
from wos_reference.agent import adoption, cli, reporter
from wos_reference.agent.agent import Agent
from wos_reference.agent.desired_state import Entry, Manifest
from wos_reference.agent.device import Fleet
from wos_reference.agent.ledger import Ledger
from wos_reference.agent.reconciler import Reconciler
from wos_reference.agent.runtime import WorkloadError
from wos_reference.agent.transport import Answer, Transport


@AGENT.against("boundary.other-device-not-run")
def runs_what_is_meant_for_others(patch: Patch) -> None:
    """Does not look at the device in a document."""
    place = Fleet.place

    def take(self: Fleet, *arguments: Any) -> str:
        try:
            return place(self, *arguments)
        except WorkloadError as error:
            if error.code != "document-invalid":
                raise
            return self.own

    patch(Fleet, "place", take)


@AGENT.against("boundary.unlisted-type-failed")
def leaves_strange_types_alone(patch: Patch) -> None:
    """Says nothing about a deployment of a type that it does not offer."""
    fail = Reconciler._fail

    def silent(self: Reconciler, deployment: Any, running: Any, failure: WorkloadError) -> None:
        if failure.code == "unlisted-type":
            self._ledger.give_up(deployment.id)
        else:
            fail(self, deployment, running, failure)

    patch(Reconciler, "_fail", silent)


@AGENT.against("boundary.offer-announced-unchanged")
def corrects_what_the_owner_has_set(patch: Patch) -> None:
    """Leaves the labels of the device owner out of its announcement."""
    with_offer(patch, lambda content: content.pop("labels", None))


@AGENT.against("boundary.cluster-inside-unreported")
def tells_where_in_the_cluster(patch: Patch) -> None:
    """Names a pod in its reports."""

    def name(content: dict[str, Any]) -> None:
        for component in content["components"]:
            component["podName"] = "main-0"

    with_report(patch, name)


@AGENT.against("boundary.redirect-not-followed")
def follows_redirections(patch: Patch) -> None:
    """Goes wherever its WOS sends it."""
    exchange = Transport.exchange

    def follow(self: Transport, *arguments: Any, **named: Any) -> Answer:
        if self._client:
            self._client.follow_redirects = True
        return exchange(self, *arguments, **named)

    patch(Transport, "exchange", follow)


@AGENT.against("boundary.refusal-keeps-running", consequences=("status.tells-the-truth",))
def stops_when_it_is_refused(patch: Patch) -> None:
    """Stops everything when it is not let in."""
    note = Agent._note_odd_answer

    def lose_heart(self: Agent, answer: Answer) -> None:
        note(self, answer)
        if answer.status in (401, 403, 404):
            stop_everything(self._ledger)

    patch(Agent, "_note_odd_answer", lose_heart)


@AGENT.against(
    "boundary.no-return-to-older",
    consequences=("desired-state.failure-keeps-running", "desired-state.workloads-survive-power-cut"),
)
def goes_back_to_what_worked(patch: Patch) -> None:
    """Wants what it had before when its WOS is in trouble."""
    adopt, note, before = adoption.adopt, Agent._note_odd_answer, list[list[tuple[Entry, bytes]]]()

    def remember(manifest: Manifest, ledger: Ledger, reporter: Any) -> None:
        before.append([(entry, ledger.document(entry.digest) or b"") for entry in manifest.entries])
        adopt(manifest, ledger, reporter)

    def fall_back(self: Agent, answer: Answer) -> None:
        note(self, answer)
        for entry, body in before[-2] if len(before) > 1 else ():
            self._ledger.keep_documents([(entry.digest, body)])
            self._ledger.want(entry, self._ledger.adopted_version())

    patch(adoption, "adopt", remember)
    patch(Agent, "_note_odd_answer", fall_back)


@AGENT.against("boundary.key-stays", consequences=("boundary.offer-announced-unchanged",))
def sends_its_key(patch: Patch) -> None:
    """Puts everything that it has been given into its capabilities."""
    load, keys = cli.load, [""]

    def note(file: Path) -> Any:
        configuration = load(file)
        keys[0] = configuration.key.read_text()
        return configuration

    patch(cli, "load", note)
    with_offer(patch, lambda content: content.update({"x-agent-extensions": {"key": keys[0]}}))


@AGENT.against("boundary.parameter-values-stay")
def repeats_what_it_was_told(patch: Patch) -> None:
    """Puts the values of parameters into its reports."""
    body = reporter.report_body

    def repeat(document: Any, *rest: Any) -> tuple[bytes, str]:
        text, state = body(document, *rest)
        values = [component.parameters for component in document.components]
        return json.dumps(json.loads(text) | {"parameters": values}).encode(), state

    patch(reporter, "report_body", repeat)
