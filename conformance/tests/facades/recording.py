"""What the reference once said, taken from the history of a run."""

import json
from collections import defaultdict
from itertools import cycle
from pathlib import Path

from wos_conformance.history import Control, History
from wos_conformance.history.view import ExchangeView

Request = tuple[str, str, dict[str, str], bytes]
"""Method, target, headers and body."""


class Recording:
    """Hands out the answers of a recording one after the other, kind by kind, and begins anew at its end."""

    def __init__(self, folder: Path) -> None:
        self.history = History.read(folder)
        answers: dict[str, list[bytes]] = defaultdict(list)
        for view in self.history.exchanges():
            if view.exchange.response and view.operation:
                answers[view.operation].append(_bytes(view))
        verbs: dict[str, list[bytes]] = defaultdict(list)
        for control in self.history.of(Control):
            if control.outcome == "done":
                verbs[control.verb].append(json.dumps(control.response).encode())
        self._answers = {kind: cycle(known) for kind, known in answers.items()}
        self._verbs = {verb: cycle(known) for verb, known in verbs.items()}

    def answer(self, operation: str | None) -> bytes | None:
        """The next answer to a request of this kind."""
        return next(self._answers[operation], None) if operation in self._answers else None

    def done(self, verb: str) -> bytes:
        """The next reply of the test control to this verb."""
        return next(self._verbs[verb]) if verb in self._verbs else b"{}"

    def requests(self) -> list[Request]:
        """All requests in order, without the headers that belong to a connection."""
        return [_request(view) for view in self.history.exchanges()]


def _bytes(view: ExchangeView) -> bytes:
    assert view.exchange.response is not None
    return view.exchange.response.head.encode("latin-1") + view.body


def _request(view: ExchangeView) -> Request:
    own = {"host", "content-length", "connection", "transfer-encoding"}
    headers = {name: value for name, value in view.request_headers if name not in own}
    return view.method, view.target, headers, view.request_body
