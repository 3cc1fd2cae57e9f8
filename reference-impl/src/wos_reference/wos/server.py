"""Both listeners in one process: mutual TLS for agents, and the operator's with a token."""

import asyncio
import json
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from wos_reference.wos.configuration import Configuration
from wos_reference.wos.connection import AgentConnection
from wos_reference.wos.console import Console
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.identity import own_spiffe_id
from wos_reference.wos.interface import Interface
from wos_reference.wos.metric import Metrics
from wos_reference.wos.observation import Observed
from wos_reference.wos.operator import Operator
from wos_reference.wos.proxy import BehindProxy
from wos_reference.wos.storage import open_database
from wos_reference.wos.trust import Trust

SHUTDOWN_WITHIN_SECONDS = 10
_LOOK_AT_FILES_EVERY_SECONDS = 1.0


def serve(configuration: Configuration) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        OSError: an address cannot be listened on, or a file cannot be read.
        IdentityError: the certificate is not the SVID of a WOS.
        SQLAlchemyError, DatabaseTooNew: the database cannot be used.
    """
    own_id = own_spiffe_id(configuration.svid)
    fleet = Fleet(open_database(configuration.database))
    interface, metrics = Interface(fleet, own_id), Metrics(fleet)
    token = configuration.operator_token_file.read_text("ascii").strip()
    console = Console(fleet, metrics).application(Operator(fleet, interface), token)
    trust = Trust(
        [configuration.svid, configuration.key, configuration.trust_bundle],
        check=lambda: own_spiffe_id(configuration.svid, expected=own_id),
    )
    agents = _listener(configuration.listen, "AGENTS")
    operators = _listener(configuration.operator_listen, "OPERATORS")
    agent_server = uvicorn.Server(_agent_config(Observed(interface, metrics), configuration, trust))
    servers = [(uvicorn.Server(_config(console)), operators), (agent_server, agents)]
    announce = lambda: _announce(configuration, agents, operators)  # noqa: E731
    asyncio.run(_serve_all(servers, announce, _renew(trust, agent_server)))


def _config(application: ASGIApp, **settings: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_WITHIN_SECONDS,
        **settings,
    )


def _agent_config(application: ASGIApp, configuration: Configuration, trust: Trust) -> uvicorn.Config:
    bounds = {
        "lifetime": configuration.connection_lifetime,
        "connections_at_most": configuration.connections_at_most,
    }
    protocol = type("BoundedConnection", (AgentConnection,), bounds)
    if configuration.behind_proxy:
        return _config(BehindProxy(application, configuration.behind_proxy), http=protocol)
    return _config(
        application,
        http=protocol,
        ssl_certfile=str(configuration.svid),
        ssl_keyfile=str(configuration.key),
        ssl_ca_certs=str(configuration.trust_bundle),
        ssl_cert_reqs=ssl.CERT_REQUIRED,
        ssl_context_factory=lambda config, default: trust.front(lambda: tls_context(config, default)),
    )


def tls_context(config: uvicorn.Config, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """TLS 1.3 only."""
    context = default()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


async def _renew(trust: Trust, server: uvicorn.Server) -> None:
    """Look for a new SVID or trust bundle; connections that began before end when they are idle."""
    while True:
        await asyncio.sleep(_LOOK_AT_FILES_EVERY_SECONDS)
        if trust.renewed():
            for connection in list(server.server_state.connections):
                connection.shutdown()


async def _serve_all(
    servers: list[tuple[uvicorn.Server, socket.socket]], announce: Callable[[], None], beside: Any
) -> None:
    tasks = [asyncio.create_task(server.serve(sockets=[listener])) for server, listener in servers]
    aside = asyncio.create_task(beside)
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
    aside.cancel()
    with suppress(asyncio.CancelledError):
        await aside


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
    scheme = "http" if configuration.behind_proxy else "https"
    facts = {"wosUrl": f"{scheme}://{host}:{port}", "controlUrl": f"http://{operator_host}:{operator_port}"}
    draft = configuration.ready_file.with_suffix(".new")
    draft.write_text(json.dumps(facts), "utf-8")
    draft.replace(configuration.ready_file)
