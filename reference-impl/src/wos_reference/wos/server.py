"""All listeners in one process: that for agents, the operator's, and perhaps that of the identity service."""

import asyncio
import datetime
import json
import os
import socket
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from wos_reference.wos.configuration import Configuration
from wos_reference.wos.connection import HEAD_AT_MOST, AgentConnection
from wos_reference.wos.console import Console
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.identity_service import IdentityService
from wos_reference.wos.interface import Interface
from wos_reference.wos.issuer import Issuer
from wos_reference.wos.metric import Metrics
from wos_reference.wos.observation import Observed
from wos_reference.wos.operator import Operator
from wos_reference.wos.proxy import BehindProxy
from wos_reference.wos.storage import open_database
from wos_reference.wos.trust import Trust

KEEP_ALIVE_SECONDS = 75
SHUTDOWN_WITHIN_SECONDS = 10
_LOOK_FOR_ROOTS_EVERY_SECONDS = 1.0
_TLS_1_2_SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"

Listening = tuple[uvicorn.Server, socket.socket]


def serve(configuration: Configuration) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        OSError: an address cannot be listened on, or a file cannot be read.
        IdentityError: the certificate is not the SVID of a WOS.
        ValueError: a file has no certificate or key in it.
        SQLAlchemyError, DatabaseTooNew: the database cannot be used.
    """
    fleet = Fleet(open_database(configuration.database))
    trust = Trust(fleet, configuration.svid, configuration.key, configuration.trust_bundle)
    interface, metrics = Interface(fleet, trust.own_id), Metrics(fleet)
    operator = Operator(fleet, interface, trust, enrols=configuration.identity_service is not None)
    token = configuration.operator_token_file.read_text("ascii").strip()
    console = _config(Console(fleet, metrics).application(operator, token))
    agents = agent_config(Observed(interface, metrics), configuration, trust)
    listening = {
        "controlUrl": (uvicorn.Server(console), listen(configuration.operator_listen, "OPERATORS")),
        "wosUrl": (uvicorn.Server(agents), listen(configuration.listen, "AGENTS")),
        **_identity_service(configuration, fleet, trust, metrics),
    }
    run(agents, _serve_all(listening, configuration, trust))


def run(config: uvicorn.Config, main: Coroutine[Any, Any, None]) -> None:
    """Run with the event loop that uvicorn chooses: uvloop where there is one, which is lighter than asyncio."""
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(main)


def _config(application: ASGIApp, **settings: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        h11_max_incomplete_event_size=HEAD_AT_MOST,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_WITHIN_SECONDS,
        **settings,
    )


def agent_config(application: ASGIApp, configuration: Configuration, trust: Trust) -> uvicorn.Config:
    """How agents are listened to: mutual TLS, or a proxy that ends it."""
    if configuration.behind_proxy:
        return _config(BehindProxy(application, configuration.behind_proxy), http=_protocol(configuration, None))
    return _tls_config(
        application,
        configuration,
        trust,
        ssl_certfile=str(configuration.svid),
        ssl_keyfile=str(configuration.key),
        ssl_cert_reqs=ssl.CERT_REQUIRED,
    )


def _identity_service(
    configuration: Configuration, fleet: Fleet, trust: Trust, metrics: Metrics
) -> dict[str, Listening]:
    """The listener of the identity service, if there is to be one."""
    settings = configuration.identity_service
    if settings is None:
        return {}
    issuer = Issuer(settings.issuer, settings.issuer_key, datetime.timedelta(seconds=settings.svid_lifetime))
    service = IdentityService(fleet, trust, issuer, settings.approval_retry)
    config = _tls_config(
        Observed(service.application(), metrics),
        configuration,
        trust,
        enrols=True,
        ssl_certfile=str(settings.certificate),
        ssl_keyfile=str(settings.key),
        ssl_cert_reqs=ssl.CERT_OPTIONAL,
    )
    listener = listen(settings.listen, "IDENTITY")
    service.url = settings.url or url_of("https", listener)
    return {"identityUrl": (uvicorn.Server(config), listener)}


def _protocol(configuration: Configuration, trust: Trust | None) -> type[AgentConnection]:
    bounds = {
        "lifetime": configuration.connection_lifetime,
        "connections_at_most": configuration.connections_at_most,
        "trust": trust,
    }
    return type("BoundedConnection", (AgentConnection,), bounds)


def _tls_config(
    application: ASGIApp, configuration: Configuration, trust: Trust, *, enrols: bool = False, **settings: Any
) -> uvicorn.Config:
    def context(config: uvicorn.Config, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        made = tls_context(config, default)
        return allow_tls_1_2(made) if configuration.tls_1_2 else made

    return _config(
        application,
        http=_protocol(configuration, trust),
        ssl_context_factory=lambda config, default: trust.front(lambda: context(config, default), enrols=enrols),
        **settings,
    )


def tls_context(config: uvicorn.Config, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """TLS 1.3 only."""
    context = default()
    context.set_alpn_protocols(["http/1.1"])
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def allow_tls_1_2(context: ssl.SSLContext) -> ssl.SSLContext:
    """TLS 1.2, too, with forward secrecy and authenticated encryption."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_TLS_1_2_SUITES)
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    return context


async def _serve_all(listening: dict[str, Listening], configuration: Configuration, trust: Trust) -> None:
    servers = [server for server, _ in listening.values()]
    tasks = [asyncio.create_task(server.serve(sockets=[listener])) for server, listener in listening.values()]
    renewal = asyncio.create_task(_renew(trust, servers))
    while not all(server.started for server in servers):
        done, _ = await asyncio.wait(tasks, timeout=0.01, return_when=asyncio.FIRST_COMPLETED)
        if done:
            break
    else:
        _announce(configuration, {name: listener for name, (_, listener) in listening.items()})
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for server in servers:
        server.should_exit = True
    await asyncio.gather(*tasks)
    renewal.cancel()
    with suppress(asyncio.CancelledError):
        await renewal


async def _renew(trust: Trust, servers: list[uvicorn.Server]) -> None:
    """Look for a new SVID or other roots; connections that began under others end when they are idle."""
    sequence = trust.bundle.sequence
    while True:
        await asyncio.sleep(_LOOK_FOR_ROOTS_EVERY_SECONDS)
        await run_in_threadpool(trust.renew)
        if trust.bundle.sequence != sequence:
            sequence = trust.bundle.sequence
            for connection in [c for server in servers for c in server.server_state.connections]:
                if isinstance(connection, AgentConnection) and connection.is_outdated():
                    connection.shutdown()


def listen(address: str, name: str) -> socket.socket:
    """Listen; a port that the system chose is kept in the environment for when the process replaces itself."""
    host, _, port = address.rpartition(":")
    variable = f"REFERENCE_WOS_{name}_PORT"
    listener = socket.create_server((host, int(os.environ.get(variable, port))), backlog=256)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted connections inherit it
    os.environ[variable] = str(listener.getsockname()[1])
    return listener


def url_of(scheme: str, listener: socket.socket) -> str:
    """Where a listener is reached."""
    host, port = listener.getsockname()
    return f"{scheme}://{host}:{port}"


def _announce(configuration: Configuration, listeners: dict[str, socket.socket]) -> None:
    if configuration.ready_file is None:
        return
    plain = {"controlUrl"} | ({"wosUrl"} if configuration.behind_proxy else set())
    facts = {name: url_of("http" if name in plain else "https", listener) for name, listener in listeners.items()}
    draft = configuration.ready_file.with_suffix(".new")
    draft.write_text(json.dumps(facts), "utf-8")
    draft.replace(configuration.ready_file)
