"""A connection without TLS, for listeners that speak both: Helm expects one of a registry that is called localhost."""

import socket
import ssl

_TLS_BEGINS = b"\x16"


class PlainSocket(socket.socket):
    """What is asked of a TLS connection has the answer that there is none."""

    def do_handshake(self) -> None:
        """There is none."""

    def getpeercert(self, binary_form: bool = False) -> None:
        """Nobody shows one."""

    def cipher(self) -> None:
        """There is none."""

    def version(self) -> None:
        """There is none."""


Stream = ssl.SSLSocket | PlainSocket


def plain_or_secure(connection: socket.socket, context: ssl.SSLContext, patience: float) -> Stream:
    """Take a connection for what its first byte makes it, which is waited for so many seconds; TLS begins later.

    Raises:
        OSError: the peer has left, or says nothing.
    """
    connection.settimeout(patience)
    if connection.recv(1, socket.MSG_PEEK) in (_TLS_BEGINS, b""):
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
    return PlainSocket(fileno=connection.detach())
