"""The loop of the agent: announce, then poll, adopt, apply and report, one thing at a time and each when it is due."""

import json
import logging
import time
from datetime import UTC, datetime
from enum import Enum, auto
from functools import partial
from http import HTTPStatus
from pathlib import Path
from queue import Empty, SimpleQueue

from wos_reference.agent import adoption, desired_state
from wos_reference.agent.announcer import Announcer
from wos_reference.agent.configuration import Configuration, ConfigurationError
from wos_reference.agent.desired_state import Manifest, ManifestError
from wos_reference.agent.device import Fleet, fleet_of
from wos_reference.agent.keeper import IdentityKeeper
from wos_reference.agent.ledger import Ledger
from wos_reference.agent.operation import Operation, SettlingOperation, is_success
from wos_reference.agent.outbox import Outbox
from wos_reference.agent.reconciler import Reconciler
from wos_reference.agent.reporter import Reporter
from wos_reference.agent.retrieval import Retrieval
from wos_reference.agent.runtime import Runtime
from wos_reference.agent.schedule import Gate
from wos_reference.agent.transport import Answer, NoAnswerError, Transport
from wos_reference.agent.workshop import Workshop

IDENTITY = "identity"
MOMENT = 0.1  # seconds; what a runtime can do that fast is done before the next request
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
        workshop: Workshop | None = None,
    ) -> None:
        """Read the capabilities. Raises ConfigurationError and OSError."""
        self._configuration = configuration
        self._ledger = ledger
        self._news = news
        self._capabilities = configuration.capabilities.read_bytes()
        self._children = children_of(configuration.children)
        self._device_id = device_id_of(self._capabilities, configuration.capabilities)
        self._manifest = Operation("getManifest", transport, ledger, configuration)
        self._status = SettlingOperation("reportStatus", transport, ledger, configuration)
        self._announcement = SettlingOperation("announceCapabilities", transport, ledger, configuration)
        self._announcer = Announcer(self._announcement, ledger)
        bundle = SettlingOperation("getBundle", transport, ledger, configuration)
        document = SettlingOperation("getDocument", transport, ledger, configuration)
        self._retrieval = Retrieval(bundle, document, ledger, configuration.request_timeout)
        self._reporter = Reporter(ledger, self._device_id)
        self._workshop = workshop or Workshop(partial(news.put, News.WORK))
        self._reconciler = Reconciler(
            *(ledger, runtime, self._reporter, self._workshop, self.fleet, self._make_gate, configuration.apply_time)
        )
        self._outbox = Outbox(self._status, ledger)
        self._asking = (self._manifest, self._status, bundle, document)
        self._keeper = IdentityKeeper(configuration, transport.renew)
        self._look = self._make_gate()
        self._announced = False
        self._refused_tag = ""
        ledger.begin_anew()

    def _make_gate(self) -> Gate:
        return Gate(self._configuration.poll_interval, self._configuration.max_backoff)

    def fleet(self) -> Fleet:
        """The own device and the children, as they are offered now."""
        return fleet_of([self._capabilities, *self._children.values()])

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
        self._workshop.advance()
        if self._look.is_open():
            self._look.succeeded(self._configuration.poll_interval)
            self._read_offers()
            self._reconciler.reconcile()
            self._keep_identity()
        closed = self._configuration.poll_windows.closed_for(datetime.now(UTC))
        if closed:
            return min(closed, self._until(self._look))
        return self._call()

    def _keep_identity(self) -> None:
        windows = self._configuration.poll_windows
        if not self._workshop.is_busy(IDENTITY) and self._keeper.is_due() and not windows.closed_for(datetime.now(UTC)):
            self._workshop.begin(IDENTITY, self._keeper.work())

    def _call(self) -> float:
        """Send what is due; the seconds until something is again."""
        for operation in self._asking:
            if operation.is_served_again():
                self._announcer.tell_again()
        if self._has_news() and self._announcement.gate.is_open():
            self.announce()
        if self._announced and self._manifest.gate.is_open():
            self.poll()
        report = self._outbox.next_report()
        if report and self._status.gate.is_open():
            self._outbox.deliver(report)
            report = self._outbox.next_report()
        gates = [self._look]
        gates += [self._manifest.gate] if self._announced else []
        gates += [self._announcement.gate] if self._has_news() else []
        gates += [self._status.gate] if report else []
        return self._until(*gates)

    def _until(self, *gates: Gate) -> float:
        return max(0.0, min(gate.due for gate in gates) - time.monotonic())

    def _read_offers(self) -> None:
        """Take up what the owner of the device has changed; a file that is unreadable changes nothing."""
        try:
            capabilities = self._configuration.capabilities.read_bytes()
            children = children_of(self._configuration.children)
            if device_id_of(capabilities, self._configuration.capabilities) == self._device_id:
                self._capabilities, self._children = capabilities, children
        except (ConfigurationError, OSError) as error:
            log.warning("the offer stays as it is: %s", error)

    def _has_news(self) -> bool:
        return not self._announced or self._announcer.has_news(self._offers())

    def _offers(self) -> dict[str, bytes]:
        return {self._device_id: self._capabilities, **self._children}

    def announce(self) -> None:
        """Send the next capabilities document as it was given; no manifest is asked for before the first was sent."""
        self._announcer.announce(self._offers())
        self._announced = self._announcer.has_called

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
            desired_state.verify_manifest(answer.body, answer.headers.get("etag"), answer.headers.get("content-type"))
            manifest = desired_state.read_manifest(answer.body)
            if self.is_acceptable(manifest):
                self._retrieve_and_adopt(manifest)
        except (ManifestError, NoAnswerError) as error:
            log.warning("the manifest is not adopted: %s", error)

    def _retrieve_and_adopt(self, manifest: Manifest) -> None:
        try:
            self._retrieval.retrieve(manifest)
        finally:
            self._report_refusals(manifest)
        adoption.adopt(manifest, self._ledger, self._reporter)
        self._outbox.forgive()
        self._reconciler.reconcile()
        self._workshop.advance(MOMENT)

    def _report_refusals(self, manifest: Manifest) -> None:
        with self._ledger.transaction():
            for deployment_id, code in self._retrieval.refused(manifest).items():
                self._reporter.report_refusal(deployment_id, manifest.version, code)

    def is_acceptable(self, manifest: Manifest) -> bool:
        """Whether the version allows adoption; a replay is a security event, the adopted manifest itself is not."""
        if manifest.tag == self._ledger.adopted_tag():
            return False
        adopted = self._ledger.adopted_version()
        if not desired_state.is_newer(manifest.version, adopted):
            self._refuse_version(manifest, adopted)
            return False
        return True

    def _refuse_version(self, manifest: Manifest, adopted: int) -> None:
        """Say once where each deployment stands, since the WOS may have been set back."""
        security_log.warning("refused manifest version %d: version %d is adopted", manifest.version, adopted)
        if manifest.tag != self._refused_tag and manifest.version < adopted:
            self._refused_tag = manifest.tag
            self._reporter.repeat()


def device_id_of(capabilities: bytes, file: Path) -> str:
    """The `properties.id` of a capabilities document. Raises ConfigurationError."""
    try:
        device_id = json.loads(capabilities)["properties"]["id"]
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigurationError(f"{file} is not a capabilities document: {error!r}") from error
    if not isinstance(device_id, str) or not device_id:
        raise ConfigurationError(f"{file} has no text in properties.id")
    return device_id


def children_of(file: Path | None) -> dict[str, bytes]:
    """The capabilities documents in a JSON array, by device id. Raises ConfigurationError and OSError."""
    if file is None or not file.exists():
        return {}
    try:
        documents = [json.dumps(document).encode() for document in json.loads(file.read_bytes())]
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"{file} is not a list of capabilities documents: {error!r}") from error
    return {device_id_of(document, file): document for document in documents}
