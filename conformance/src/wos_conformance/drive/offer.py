"""An offer of TLS that is made by hand, because nobody should make it any more."""

import socket
import ssl
from contextlib import suppress


class OldOffer:
    """A handshake by hand, to know whether an old ClientHello really left us."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing)
        with suppress(ssl.SSLError):
            self._tls.do_handshake()
        self.hello = self._outgoing.read()

    def made_to(self, host: str, port: int, timeout: float) -> tuple[str, str | None, str | None, str | None]:
        """Outcome, failure, version and suite of the handshake with this peer."""
        try:
            with socket.create_connection((host, port), timeout=timeout) as peer:
                peer.sendall(self.hello)
                while True:
                    received = peer.recv(65536)
                    self._incoming.write(received) if received else self._incoming.write_eof()
                    try:
                        self._tls.do_handshake()
                    except ssl.SSLWantReadError:
                        peer.sendall(self._outgoing.read())
                        continue
                    cipher = self._tls.cipher()
                    return "established", None, self._tls.version(), cipher[0] if cipher else None
        except ssl.SSLError as error:
            return "handshake-failed", error.reason or str(error), None, None
        except TimeoutError:
            return "timeout", "no answer to the offer", None, None
        except OSError as error:
            return "handshake-failed", str(error), None, None
