"""How an agent enrols, and renews its SVID (onboarding.md, "Enrolment")."""

from collections.abc import Iterator
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from wos_conformance.history import Closed, Connection, ExchangeView, History
from wos_conformance.judges.connectivity.agent import pause_of
from wos_conformance.judges.device import Device, devices
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.onboarding.service import EST, Visit, is_proven, key_of

SERVICE = "identity-double"
_ROUNDING = 0.02


def visits_to(history: History, *paths: str) -> list[Visit]:
    """The exchanges of an agent with the identity service on these paths, or all, in order."""
    found = []
    for view in history.exchanges():
        credential = history.credential(view.connection)
        if credential is not None and credential.name == SERVICE and (not paths or view.path in paths):
            found.append(Visit(view, credential))
    return sorted(found, key=lambda visit: visit.view.started)


def _requests(history: History, *operations: str) -> list[Visit]:
    return visits_to(history, *(EST + operation for operation in operations or ("simpleenroll", "simplereenroll")))


@judge("onboarding.service-verified")
def agent_aborts_before_a_wrong_service(history: History) -> Occasions:
    """Not one byte of a request is sent to a service whose certificate is not what the agent was told."""
    received = {closed.connection: closed for closed in history.of(Closed)}
    for connection in history.of(Connection):
        if connection.credential.name != SERVICE or not connection.credential.flaw:
            continue
        closed = received.get(connection.connection)
        if connection.outcome == "handshake-failed" or (closed is not None and not closed.received):
            yield kept(connection)
        elif closed is not None:
            did = f"showed a certificate of the identity service with the flaw {connection.credential.flaw!r}"
            yield broken(closed, did=did, expected="not one byte", received=f"{closed.received} bytes of a request")


@judge("onboarding.request-own-key")
def request_is_signed_with_its_key(history: History) -> Occasions:
    """The proof that comes with each request holds."""
    for visit in _requests(history):
        if is_proven(visit.request):
            yield kept(visit.view)
        else:
            yield broken(visit.view, expected="a request signed with its own key", received="none that verifies")


def _pairs(history: History) -> Iterator[tuple[Visit, Visit]]:
    """Enrolments that were answered with 202, each with the next one."""
    tried = _requests(history, "simpleenroll")
    for before, after in pairwise(tried):
        if before.view.status == 202:
            yield before, after


@judge("onboarding.pending-respected")
def agent_waits_for_its_approval(history: History) -> Occasions:
    """The enrolment is not repeated too soon."""
    for before, after in _pairs(history):
        pause, waited = pause_of(before.view) or 0.0, after.view.started - before.view.ended
        if waited >= pause - _ROUNDING:
            yield kept(after.view)
        else:
            yield broken(after.view, expected=f"a pause of {pause:.1f} s", received=f"again after {waited:.2f} s")


@judge("onboarding.pending-same-key")
def agent_asks_for_the_same_key(history: History) -> Occasions:
    """The repeated enrolment is for the key of the first one."""
    for before, after in _pairs(history):
        first, second = before.request, after.request
        if first is not None and second is not None and key_of(first) == key_of(second):
            yield kept(after.view)
        else:
            yield broken(after.view, expected="a request for the same public key", received="another one")


def _issues(history: History) -> Iterator[tuple[ExchangeView, x509.Certificate]]:
    """The certificates that were issued, in order."""
    for visit in _requests(history):
        if visit.view.status == 200 and (certificate := visit.issued) is not None:
            yield visit.view, certificate


@judge("onboarding.renews-in-time")
def agent_renews_in_time(history: History) -> Occasions:
    """The next request begins before three quarters of the validity are over."""
    asked = [visit.view for visit in _requests(history, "simplereenroll")]
    for view, certificate in _issues(history):
        validity = (certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds()
        end = view.ended + 0.75 * validity
        device = _runner(history, view)
        later = [other for other in asked if other.started > view.ended]
        if later and later[0].started <= end:
            yield kept(later[0])
        elif device is not None and device.runs_until(view.ended) > end < history.events[-1].at:
            received = f"after {later[0].started - view.ended:.1f} s" if later else "no renewal"
            did = f"issued a certificate for {validity:.0f} s"
            yield broken(view, did=did, expected=f"a renewal within {end - view.ended:.1f} s", received=received)


def _runner(history: History, view: ExchangeView) -> Device | None:
    """The device that ran at this moment."""
    started = [(start.seq, d) for d in devices(history) for start in d.starts if start.seq < view.seq]
    return max(started, key=lambda entry: entry[0])[1] if started else None


@judge("onboarding.renewed-shown")
def newest_certificate_is_shown(history: History) -> Occasions:
    """Connections to the WOS that are opened later show the certificate that was issued last."""
    timeout = history.header.declared.get("request_timeout", 0.0)
    everything = [(view.ended, certificate.public_bytes(Encoding.DER)) for view, certificate in _issues(history)]
    shown = [c for c in history.of(Connection) if c.by == "target" and c.peer and c.credential.name != SERVICE]
    for device in devices(history):
        for start in device.starts:
            until = device.runs_until(start.started)
            issued = [entry for entry in everything if start.started <= entry[0] < until]
            for connection in (c for c in shown if start.started <= c.at < until):
                due = sum(moment + timeout <= connection.at for moment, _ in issued)
                if due > 1:
                    yield _shown(history, connection, [der for _, der in issued[due - 1 :]])


def _shown(history: History, connection: Connection, allowed: list[bytes]) -> Judgement:
    if history.body(connection.peer[0]) in allowed:
        return kept(connection)
    expected = "the certificate that was issued last"
    return broken(connection, did="was visited", expected=expected, received="an older one")
