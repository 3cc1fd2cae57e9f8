"""Both listeners in one process: mutual TLS for agents, and the operator's with a token."""

import asyncio
import json
import os
import socket
import ssl
from collections.abc import Callable

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wos_reference.wos.configuration import Configuration
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.identity import own_spiffe_id
from wos_reference.wos.interface import Interface
from wos_reference.wos.operator import Operator
from wos_reference.wos.problem import plain_problem
from wos_reference.wos.storage import open_database


class PeerCertificateProtocol(HttpToolsProtocol):
    """Hands the leaf certificate of the peer to the application, and answers unreadable requests as errors.md says."""

    def on_message_begin(self) -> None:
        """Put the certificate into the scope of each request."""
        super().on_message_begin()
        tls = self.transport.get_extra_info("ssl_object")
        self.scope.setdefault("extensions", {})["tls"] = {"client_cert": tls.getpeercert(True)}

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP with a problem document."""
        problem = plain_problem(400, {"Connection": "close"})
        head = b"".join(b"%s: %s\r\n" % header for header in problem.raw_headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head + b"\r\n" + bytes(problem.body))
        self.transport.close()


def serve(configuration: Configuration) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        OSError: an address cannot be listened on, or a file cannot be read.
        IdentityError: the certificate is not the SVID of a WOS.
    """
    fleet = Fleet(open_database(configuration.database))
    interface = Interface(fleet, own_spiffe_id(configuration.svid))
    token = configuration.operator_token_file.read_text("ascii").strip()
    operator = Operator(fleet, interface, token).application()
    agents = _listener(configuration.listen, "AGENTS")
    operators = _listener(configuration.operator_listen, "OPERATORS")
    servers = [
        (uvicorn.Server(uvicorn.Config(operator, log_config=None, lifespan="off", access_log=False)), operators),
        (uvicorn.Server(_interface_config(interface, configuration)), agents),
    ]
    asyncio.run(_serve_all(servers, lambda: _announce(configuration, agents, operators)))


def _interface_config(interface: Interface, configuration: Configuration) -> uvicorn.Config:
    return uvicorn.Config(
        interface,
        http=PeerCertificateProtocol,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        ssl_certfile=str(configuration.svid),
        ssl_keyfile=str(configuration.key),
        ssl_ca_certs=str(configuration.trust_bundle),
        ssl_cert_reqs=ssl.CERT_REQUIRED,
        ssl_context_factory=tls_context,
    )


def tls_context(config: uvicorn.Config, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """TLS 1.3 only."""
    context = default()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


async def _serve_all(servers: list[tuple[uvicorn.Server, socket.socket]], announce: Callable[[], None]) -> None:
    tasks = [asyncio.create_task(server.serve(sockets=[listener])) for server, listener in servers]
    while not all(server.started for server, _ in servers):
        done, _ = await asyncio.wait(tasks, timeout=0.01, return_when=asyncio.FIRST_COMPLETED)
        if done:
            break
    else:
        announce()
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for server, _ in servers:
        server.should_exit = True
    await asyncio.gather(*tasks)


def _listener(address: str, name: str) -> socket.socket:
    """Listen; a port that the system chose is kept in the environment for when the process replaces itself."""
    host, _, port = address.rpartition(":")
    variable = f"REFERENCE_WOS_{name}_PORT"
    listener = socket.create_server((host, int(os.environ.get(variable, port))), backlog=256)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted connections inherit it
    os.environ[variable] = str(listener.getsockname()[1])
    return listener


def _announce(configuration: Configuration, agents: socket.socket, operators: socket.socket) -> None:
    if configuration.ready_file is None:
        return
    (host, port), (operator_host, operator_port) = agents.getsockname(), operators.getsockname()
    facts = {"wosUrl": f"https://{host}:{port}", "controlUrl": f"http://{operator_host}:{operator_port}"}
    draft = configuration.ready_file.with_suffix(".new")
    draft.write_text(json.dumps(facts), "utf-8")
    draft.replace(configuration.ready_file)
