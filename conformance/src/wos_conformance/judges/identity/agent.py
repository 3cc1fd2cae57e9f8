"""What an agent shows, and how it looks at its WOS (identity.md)."""

import re
from collections.abc import Callable, Iterator

from wos_conformance.history import Closed, Connection, History
from wos_conformance.judges.identity.wos import uri_names
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept

_SEGMENT = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+"
AGENT_ID = re.compile(rf"spiffe://[^/]+/margo/wfm/{_SEGMENT}/client/{_SEGMENT}")


def _connections(history: History) -> Iterator[Connection]:
    """Connections of the target to the double of its WOS."""
    others = ("decoy", "identity-double", "registry-double")
    return (c for c in history.of(Connection) if c.by == "target" and c.credential.name not in others)


@judge("identity.agent-id-shape")
def agent_shows_id_of_an_agent(history: History) -> Occasions:
    """The leaf of the agent has one URI name, of the right form."""
    for connection in _connections(history):
        if not connection.peer:
            continue
        names = uri_names(history.body(connection.peer[0]))
        if names is not None and len(names) == 1 and AGENT_ID.fullmatch(names[0]):
            yield kept(connection)
        else:
            expected = "one URI name spiffe://<trust-domain>/margo/wfm/<wos-id>/client/<client-id>"
            yield broken(connection, did="was visited", expected=expected, received=f"{names}")


@judge("identity.agent-tls-version")
def agent_offers_tls_1_3(history: History) -> Occasions:
    """A WOS that can do TLS 1.3 gets it."""
    for connection in _connections(history):
        if connection.outcome != "established" or connection.credential.flaw:
            continue
        if connection.tls_version == "TLSv1.3":
            yield kept(connection)
        else:
            did = "offered TLS 1.3 and 1.2"
            yield broken(connection, did=did, expected="TLS 1.3", received=str(connection.tls_version))


@judge("identity.agent-chain-sent")
def agent_sends_its_chain(history: History) -> Occasions:
    """The chain that the agent sends ends at the trust bundle, which holds the root alone."""
    for connection in _connections(history):
        if connection.outcome == "established":
            yield kept(connection)
        elif "issuer certificate" in (connection.failure or ""):
            expected = "leaf and all intermediates below the trust bundle"
            yield broken(connection, did="was visited", expected=expected, received=str(connection.failure))


_FLAWS = {
    "identity.agent-verifies-chain": ("unknown-root", "missing-intermediate"),
    "identity.agent-verifies-validity": ("expired-leaf", "not-yet-valid-leaf", "expired-intermediate"),
    "identity.agent-verifies-wos-id": (
        "other-wos-id",
        "other-trust-domain",
        "case-variant",
        "client-shaped",
        "dns-only",
    ),
    "identity.agent-verifies-leaf": ("ca-leaf", "two-uri-sans"),
    "identity.agent-verifies-usage": ("client-usage-only",),
    "identity.agent-verifies-strength": ("rsa-2048", "sha-1"),
    "identity.agent-bundle-replaced": ("replaced-root",),
    "identity.agent-expired-root": ("expired-root",),
}
_NOT_SENT = ("NO_SUITABLE_SIGNATURE_ALGORITHM", "NO_SHARED_SIGNATURE_ALGORITHMS", "NO_SHARED_CIPHER")
"""Why a handshake can fail before the certificate was shown."""


def _abort_judge(flaws: tuple[str, ...]) -> Callable[[History], Iterator[Judgement]]:
    def agent_aborts(history: History) -> Occasions:
        """Before a WOS with this flaw, not one byte of a request is sent."""
        received = {closed.connection: closed for closed in history.of(Closed)}
        for connection in _connections(history):
            if connection.credential.flaw not in flaws:
                continue
            closed = received.get(connection.connection)
            if connection.outcome == "handshake-failed":
                if not any(reason in (connection.failure or "") for reason in _NOT_SENT):
                    yield kept(connection)
            elif closed is not None and closed.received:
                did = f"showed a WOS certificate with the flaw {connection.credential.flaw!r}"
                told = f"{closed.received} bytes of a request"
                yield broken(closed, did=did, expected="not one byte", received=told)
            elif closed is not None:
                yield kept(closed)

    return agent_aborts


for _requirement, _flaws in _FLAWS.items():
    judge(_requirement)(_abort_judge(_flaws))


def _old_protocol(feature: bool, *flaws: str) -> Callable[[History], Iterator[Judgement]]:
    def agent_refuses_old_protocol(history: History) -> Occasions:
        """No handshake in TLS 1.2, or none with a suite that nobody should take."""
        if ("tls-1.2" in history.header.features) != feature:
            return
        for connection in _connections(history):
            if connection.credential.flaw not in flaws:
                continue
            if connection.outcome == "established" and connection.tls_version != "TLSv1.3":
                did = f"offered what {connection.credential.flaw!r} says"
                received = f"{connection.tls_version} with {connection.cipher}"
                yield broken(connection, did=did, expected="no handshake", received=received)
            elif connection.outcome == "handshake-failed":
                yield kept(connection)

    return agent_refuses_old_protocol


judge("identity.agent-tls-1-2-off")(_old_protocol(False, "tls-1.2-only", "tls-1.2-cbc-only"))
judge("identity.agent-tls-1-2-suites")(_old_protocol(True, "tls-1.2-cbc-only"))
