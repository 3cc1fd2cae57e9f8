"""Tells the WOS what the devices offer, the own one first, and which have left (`capabilities.md`)."""

import logging
from http import HTTPStatus

from wos_reference.agent.ledger import Ledger
from wos_reference.agent.operation import Operation, is_success, may_succeed_later, problem_name
from wos_reference.agent.transport import NoAnswerError, NotSentError

log = logging.getLogger(__name__)


class Announcer:
    """Knows what was told since the start, and whom the WOS may know from before."""

    def __init__(self, operation: Operation, ledger: Ledger) -> None:
        self._operation = operation
        self._ledger = ledger
        self._told: dict[str, bytes] = {}
        self._unwelcome: dict[str, bytes] = {}
        self.has_called = False

    def has_news(self, offers: dict[str, bytes]) -> bool:
        """Whether something of `offers` (device id -> document, the gateway first) was not told yet."""
        return offers != self._told or bool(self._gone(offers))

    def tell_again(self) -> None:
        """Let everything be told again but what was refused for good, since the WOS may have forgotten the devices."""
        self._told = {device: body for device, body in self._told.items() if self._unwelcome.get(device) == body}

    def _gone(self, offers: dict[str, bytes]) -> list[str]:
        return [device for device in self._ledger.announced_devices() if device not in offers]

    def announce(self, offers: dict[str, bytes]) -> None:
        """Send the next of what was not told yet; a failure leaves it for the next attempt."""
        for device in self._told.keys() - offers.keys():
            del self._told[device]
        try:
            for device, document in offers.items():
                if self._told.get(device) != document:
                    self._put(device, document, gateway=next(iter(offers)))
                    return
            for device in self._gone(offers):
                self._delete(device)
        except NoAnswerError as error:
            self.has_called |= not isinstance(error, NotSentError)
            log.warning("the announcement was not answered: %s", error)

    def _put(self, device: str, document: bytes, gateway: str) -> None:
        self._ledger.note_announced(device)
        headers = {"content-type": "application/json"}
        answer = self._operation.call("PUT", capabilities_path(device), headers, document)
        self.has_called = True
        if self._operation.is_served_again():
            self.tell_again()
        if not is_success(answer.status):
            log.error("the announcement of %s was answered with status %d", device, answer.status)
        if problem_name(answer) == "gateway-not-found" and device != gateway:
            self._told.pop(gateway, None)
            self._operation.gate.open()
        elif not may_succeed_later(answer):
            self._told[device] = document
            if not is_success(answer.status):
                self._unwelcome[device] = document

    def _delete(self, device: str) -> None:
        answer = self._operation.call("DELETE", capabilities_path(device))
        if is_success(answer.status) or answer.status == HTTPStatus.NOT_FOUND or not may_succeed_later(answer):
            self._ledger.forget_announced(device)


def capabilities_path(device: str) -> str:
    """Where the document of a device goes; slashes stand as they are."""
    return f"/api/v1/capabilities/{device}"
