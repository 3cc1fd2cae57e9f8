"""The loop of the agent: announce, then poll, adopt, apply and report, one thing at a time and each when it is due."""

import json
import logging
import time
from enum import Enum, auto
from functools import partial
from http import HTTPStatus
from pathlib import Path
from queue import Empty, SimpleQueue

from wos_reference.agent import adoption, desired_state
from wos_reference.agent.configuration import Configuration, ConfigurationError
from wos_reference.agent.desired_state import Manifest, ManifestError
from wos_reference.agent.ledger import Ledger
from wos_reference.agent.operation import Operation, ReportOperation, is_success
from wos_reference.agent.outbox import Outbox
from wos_reference.agent.reconciler import Reconciler
from wos_reference.agent.reporter import Reporter
from wos_reference.agent.retrieval import Retrieval
from wos_reference.agent.runtime import Runtime
from wos_reference.agent.schedule import Gate
from wos_reference.agent.transport import Answer, NoAnswerError, Transport
from wos_reference.agent.workshop import Workshop

log = logging.getLogger(__name__)
security_log = logging.getLogger("security")


class News(Enum):
    """What may end the wait of the loop before its time."""

    STOP = auto()
    WORK = auto()


class Agent:
    """One agent with its ledger and its runtime."""

    def __init__(
        self,
        configuration: Configuration,
        ledger: Ledger,
        runtime: Runtime,
        transport: Transport,
        news: SimpleQueue[News],
    ) -> None:
        """Read the capabilities. Raises ConfigurationError and OSError."""
        self._configuration = configuration
        self._ledger = ledger
        self._capabilities = configuration.capabilities.read_bytes()
        self._device_id = device_id_of(self._capabilities, configuration.capabilities)
        backoff = configuration.max_backoff
        self._announcement = Operation("announceCapabilities", transport, ledger, backoff)
        self._manifest = Operation("getManifest", transport, ledger, backoff)
        bundle = Operation("getBundle", transport, ledger, backoff)
        document = Operation("getDocument", transport, ledger, backoff)
        self._status = ReportOperation("reportStatus", transport, ledger, backoff)
        self._retrieval = Retrieval(bundle, document, ledger, configuration.request_timeout)
        self._reporter = Reporter(ledger)
        self._reconciler = Reconciler(ledger, runtime, self._reporter, backoff)
        self._outbox = Outbox(self._status, ledger)
        self._repair = Gate(backoff)
        self._announced = False
        self._news = news
        self._workshop = Workshop(partial(news.put, News.WORK))

    def run(self) -> None:
        """Work until the news is to stop; what was adopted before runs again at once."""
        while True:
            try:
                if self._news.get(timeout=self.step()) is News.STOP:
                    return
            except Empty:
                continue

    def step(self) -> float:
        """Do everything that is due, at most one report; the seconds until there is something to do again."""
        self._work()
        if not self._announced and self._announcement.gate.is_open():
            self.announce()
        if self._announced and self._manifest.gate.is_open():
            self.poll()
        report = self._outbox.next_report()
        if report and self._status.gate.is_open():
            self._outbox.deliver(report)
            report = self._outbox.next_report()
        return self._idle_time(has_report=report is not None)

    def _work(self) -> None:
        """Let the runtime go on with what it does, and look again whether there is something to do when it is due."""
        self._workshop.advance()
        if self._repair.is_open() and not self._workshop.is_busy:
            self._repair.succeeded(self._configuration.poll_interval)
            self._workshop.begin(self._reconciler.reconcile())

    def _idle_time(self, has_report: bool) -> float:
        gates = [self._manifest.gate if self._announced else self._announcement.gate]
        if not self._workshop.is_busy:
            gates.append(self._repair)
        if has_report:
            gates.append(self._status.gate)
        return max(0.0, min(gate.due for gate in gates) - time.monotonic())

    def announce(self) -> None:
        """Send the capabilities as they were given; no manifest is asked for until the WOS has taken them."""
        path = f"/api/v1/capabilities/{self._device_id}"
        try:
            answer = self._announcement.call("PUT", path, {"content-type": "application/json"}, self._capabilities)
        except NoAnswerError as error:
            log.warning("the announcement was not answered: %s", error)
            return
        self._announced = is_success(answer.status)
        if not self._announced:
            log.error("the announcement was answered with status %d", answer.status)

    def poll(self) -> None:
        """Ask for the manifest, and adopt it if it is new and everything it names can be verified."""
        try:
            answer = self._manifest.call("GET", desired_state.MANIFEST_PATH, self.poll_headers())
        except NoAnswerError as error:
            log.warning("the poll was not answered: %s", error)
            return
        if answer.status in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
            self._manifest.gate.succeeded(self._configuration.poll_interval)
        else:
            self._note_odd_answer(answer)
        if answer.status == HTTPStatus.OK:
            self._take(answer)

    def _note_odd_answer(self, answer: Answer) -> None:
        log.warning("the poll was answered with status %d", answer.status)
        if is_success(answer.status):  # no manifest all the same; without a pause the next poll would follow at once
            self._manifest.gate.failed()

    def poll_headers(self) -> dict[str, str]:
        """The headers of a poll: the wanted type, and the tag of the manifest that was adopted last."""
        headers = {"accept": desired_state.MANIFEST_MEDIA_TYPE}
        tag = self._ledger.adopted_tag()
        if tag is not None:
            headers["if-none-match"] = tag
        return headers

    def _take(self, answer: Answer) -> None:
        try:
            manifest = desired_state.read_manifest(answer.body)
            if self.is_acceptable(manifest):
                self._retrieval.retrieve(manifest)
                adoption.adopt(manifest, self._ledger, self._reporter)
                self._repair.open()
                self._work()
        except (ManifestError, NoAnswerError) as error:
            log.warning("the manifest is not adopted: %s", error)

    def is_acceptable(self, manifest: Manifest) -> bool:
        """Whether the version allows adoption; a replay is a security event, the adopted manifest itself is not."""
        if manifest.tag == self._ledger.adopted_tag():
            return False
        adopted = self._ledger.adopted_version()
        if not desired_state.is_newer(manifest.version, adopted):
            security_log.warning("refused manifest version %d: version %d is adopted", manifest.version, adopted)
            return False
        return True


def device_id_of(capabilities: bytes, file: Path) -> str:
    """The `properties.id` of a capabilities document. Raises ConfigurationError."""
    try:
        device_id = json.loads(capabilities)["properties"]["id"]
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigurationError(f"{file} is not a capabilities document: {error!r}") from error
    if not isinstance(device_id, str) or not device_id:
        raise ConfigurationError(f"{file} has no text in properties.id")
    return device_id
