"""How an agent follows the trust bundle of its trust domain (onboarding.md, "Trust discovery")."""

import json
from collections.abc import Iterator
from typing import Any

from wos_conformance.history import Closed, Connection, Control, ExchangeView, History
from wos_conformance.judges.device import Device, devices
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.onboarding.newcomer import SERVICE, visits_to

BUNDLE = "/.well-known/spiffe/bundle.json"
DISCOVERY = "/.well-known/margo"


def _value(view: ExchangeView) -> dict[str, Any]:
    try:
        value = json.loads(view.content or b"")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _bundles(history: History) -> list[ExchangeView]:
    """Whole trust bundles that an agent has retrieved."""
    return [visit.view for visit in visits_to(history, BUNDLE) if visit.view.status == 200 and visit.view.complete]


def _has_roots(view: ExchangeView) -> bool:
    keys = _value(view).get("keys")
    return any(isinstance(k, dict) and k.get("use") == "x509-svid" for k in (keys if isinstance(keys, list) else []))


def _finders(history: History) -> Iterator[tuple[Device, Control]]:
    """Starts of agents that were given no trust bundle, or are to follow one."""
    for device in devices(history):
        for start in device.starts:
            if "identityService" in start.request:
                yield device, start


@judge("onboarding.discovery-verified")
def bundle_of_a_wrong_service_is_not_taken(history: History) -> Occasions:
    """While only a wrong service has answered, nobody asks the WOS for anything."""
    for device, start in _finders(history):
        if "trustBundlePem" in start.request:
            continue
        until = device.runs_until(start.started)
        mine = [c for c in history.of(Connection) if c.credential.name == SERVICE and start.started <= c.at < until]
        right = min((c.at for c in mine if not c.credential.flaw), default=until)
        wrong = [c for c in mine if c.credential.flaw and c.at < right]
        asked = [view for view in device.exchanges if start.started <= view.started < right]
        if wrong and asked:
            did = f"showed a certificate of the identity service with the flaw {wrong[0].credential.flaw!r}"
            yield broken(asked[0], did=did, expected="no request to the WOS", received=asked[0].target)
        elif wrong and right < until and any(view.started >= right for view in device.exchanges):
            yield kept(wrong[0])


@judge("onboarding.bundle-uri-https")
def bundle_is_retrieved_over_https_only(history: History) -> Occasions:
    """Nobody dials a place that a discovery document names without TLS."""
    dials = [c for c in history.of(Connection) if c.credential.name == "decoy"]
    for visit in visits_to(history, DISCOVERY):
        uri = str(_value(visit.view).get("trustBundleUri", ""))
        if not uri.startswith("http://"):
            continue
        place = uri.replace("http://", "https://")
        dialled = [d for d in dials if d.seq > visit.view.seq and d.failure and place.startswith(d.failure)]
        if dialled:
            yield broken(dialled[0], did=f"named {uri}", expected="no connection to it", received="a connection")
        elif history.events[-1].seq > visit.view.seq:
            yield kept(visit.view)


@judge("onboarding.bundle-without-root-refused")
def bundle_without_roots_changes_nothing(history: History) -> Occasions:
    """After a bundle without any root the agent goes on asking its WOS, also on a connection that it opens then."""
    declared = history.header.declared
    bound = 3 * declared.get("poll_interval", 0.0) + declared.get("request_timeout", 0.0)
    opened = {connection.connection: connection.at for connection in history.of(Connection)}
    for device, start in _finders(history):
        until = device.runs_until(start.started)
        before = False
        for view in (v for v in _bundles(history) if start.started <= v.started < until):
            if not _has_roots(view) and before:
                later = [poll for poll in device.asked("manifest") if view.ended < poll.started < until]
                fresh = next((poll for poll in later if opened.get(poll.connection, 0.0) > view.ended), None)
                last = later[-1] if later else view
                if fresh is not None:
                    yield kept(fresh)
                elif until > last.ended + bound < history.events[-1].at:
                    did, expected = "served a trust bundle without roots", "polls on, also on a new connection"
                    yield broken(last, did=did, expected=expected, received="no other")
            before = before or _has_roots(view)


@judge("onboarding.bundle-replaces")
def root_that_is_gone_is_not_trusted(history: History) -> Occasions:
    """Before a WOS below a root that the bundle no longer has, not one byte of a request is sent."""
    received = {closed.connection: closed for closed in history.of(Closed)}
    for connection in history.of(Connection):
        if connection.credential.flaw != "dropped-root":
            continue
        closed = received.get(connection.connection)
        if connection.outcome == "handshake-failed" or (closed is not None and not closed.received):
            yield kept(connection)
        elif closed is not None:
            did = "showed a WOS certificate below a root that the trust bundle retrieved last does not have"
            yield broken(closed, did=did, expected="not one byte", received=f"{closed.received} bytes of a request")


@judge("onboarding.bundle-refreshed")
def bundle_is_asked_for_again(history: History) -> Occasions:
    """The next request for the bundle comes within its hint."""
    declared = history.header.declared
    grace = declared.get("poll_interval", 0.0) + declared.get("request_timeout", 0.0)
    asked = [visit.view for visit in visits_to(history, BUNDLE)]
    for device, start in _finders(history):
        until = device.runs_until(start.started)
        for view in (v for v in _bundles(history) if start.started <= v.started < until):
            hint = _value(view).get("spiffe_refresh_hint")
            if not isinstance(hint, int):
                continue
            end = view.ended + hint + grace
            later = [other for other in asked if other.started > view.ended]
            if later and later[0].started <= end:
                yield kept(later[0])
            elif until > end < history.events[-1].at:
                received = f"after {later[0].started - view.ended:.1f} s" if later else "not again"
                expected = f"again within {end - view.ended:.1f} s"
                yield broken(view, did="served a trust bundle", expected=expected, received=received)


@judge("onboarding.bundle-kept")
def accepted_bundle_outlives_a_start(history: History) -> Occasions:
    """An agent that was started while the identity service was away asks its WOS all the same."""
    declared = history.header.declared
    names = ("request_timeout", "max_backoff")
    bound = 3 * declared.get("poll_interval", 0.0) + sum(declared.get(name, 0.0) for name in names)
    spans = list(history.fault_spans("identity-away"))
    for device, start in _finders(history):
        if not any(begin <= start.started <= end for begin, end in spans):
            continue
        if not any(view.ended < start.started and _has_roots(view) for view in _bundles(history)):
            continue
        end = start.ended + bound
        polls = [view for view in device.asked("manifest") if start.started <= view.started <= end]
        if polls:
            yield kept(polls[0])
        elif device.runs_until(start.started) > end < history.events[-1].at:
            yield broken(start, did="was away", expected=f"a poll within {bound:.1f} s", received="none")
