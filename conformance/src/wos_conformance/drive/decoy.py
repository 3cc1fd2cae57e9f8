"""A listener at which nobody has any business: whoever dials it was led there."""

import socket
import threading
from contextlib import suppress
from uuid import uuid4

from wos_conformance.history import Connection, Credential, Recorder

NAME = "decoy"


class Decoy:
    """Listens on loopback, writes down each dial and hangs up."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens, as https URL without a path."""
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Listen no longer."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5.0)

    def _watch(self) -> None:
        while True:
            try:
                dial, _ = self._listener.accept()
            except OSError:
                return
            dial.close()
            self._recorder.record(
                Connection,
                connection=str(uuid4()),
                by="target",
                credential=Credential(name=NAME),
                outcome="refused",
                failure=self.url,
            )
