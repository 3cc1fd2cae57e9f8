"""Sins of an agent around onboarding."""

import ssl
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mutants.catalogue import AGENT, Patch
from wos_reference.agent import identity_service, keeper, supervisor
from wos_reference.agent.identity_service import IdentityService
from wos_reference.agent.keeper import IdentityKeeper
from wos_reference.agent.ledger import Ledger
from wos_reference.agent.transport import Transport


@AGENT.against("onboarding.release-forgets", consequences=("status.adopted-version",))
def takes_its_past_along(patch: Patch) -> None:
    """Forgets nothing when it is released."""
    patch(Ledger, "release", lambda self: None)


@AGENT.against("onboarding.release-keeps-running")
def stops_everything_when_it_is_released(patch: Patch) -> None:
    """Removes its workloads before it knows what its next WOS wants."""
    release = supervisor.Supervisor.release

    def stop(self: supervisor.Supervisor, content: dict[str, Any]) -> dict[str, Any]:
        answer = release(self, content)
        for workload in self._running(state := supervisor.state_name(content)):
            self._runtime(state).remove(workload.deployment_id)
        return answer

    patch(supervisor.Supervisor, "release", stop)


def _with_service(patch: Patch, change: Callable[[ssl.SSLContext], Any]) -> None:
    make = ssl.create_default_context

    def changed(**arguments: Any) -> ssl.SSLContext:
        context = make(**arguments)
        change(context)
        return context

    patch(identity_service, "ssl", SimpleNamespace(create_default_context=changed))


def _believe(context: ssl.SSLContext) -> None:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE


@AGENT.against("onboarding.service-verified")
def enrols_with_anybody(patch: Patch) -> None:
    """Shows its code to whoever answers in place of the identity service."""
    _with_service(patch, _believe)


@AGENT.against("onboarding.discovery-verified", consequences=("onboarding.service-verified",))
def takes_roots_from_a_neighbour(patch: Patch) -> None:
    """Does not compare the name in the certificate of the identity service with the host that it has called."""
    _with_service(patch, lambda context: setattr(context, "check_hostname", False))


@AGENT.against("onboarding.request-own-key")
def signs_nothing(patch: Patch) -> None:
    """Sends a certificate request whose signature is noise."""
    request = keeper.request_for

    def spoilt(key: Any) -> bytes:
        good = request(key)
        return good[:-1] + bytes([good[-1] ^ 1])

    patch(keeper, "request_for", spoilt)


@AGENT.against("onboarding.pending-respected")
def asks_for_its_certificate_all_the_time(patch: Patch) -> None:
    """Does not wait as long as it was told while its enrolment is pending."""
    patch(keeper, "schedule", SimpleNamespace(retry_after_seconds=lambda value, now: 0.0))


@AGENT.against("onboarding.pending-same-key", consequences=("onboarding.renews-in-time",))
def makes_a_key_for_each_attempt(patch: Patch) -> None:
    """Asks with another key each time."""
    own_key = keeper.own_key

    def fresh(file: Path) -> Any:
        file.unlink(missing_ok=True)
        return own_key(file)

    patch(keeper, "own_key", fresh)


@AGENT.against("onboarding.renews-in-time")
def renews_at_the_last_moment(patch: Patch) -> None:
    """Waits until nine tenths of a period of validity have passed."""
    patch(keeper, "RENEWAL", 0.9)


@AGENT.against("onboarding.renewed-shown")
def shows_its_old_certificate(patch: Patch) -> None:
    """Obtains a new SVID and uses it after its next start only."""
    connect, renew = Transport._connect, Transport.renew
    patch(Transport, "_connect", lambda self: self.__dict__.setdefault("_first", connect(self)))
    patch(Transport, "renew", lambda self: None if self._client else renew(self))


@AGENT.against("onboarding.bundle-uri-https")
def fetches_roots_in_the_open(patch: Patch) -> None:
    """Retrieves a trust bundle over plain HTTP when it is told so."""

    def get(self: IdentityService, target: str, headers: Any) -> Any:
        url = f"{self._url}{target}" if target.startswith("/") else target
        return self._exchange("GET", url, headers, None, None)

    patch(IdentityService, "get", get)


@AGENT.against("onboarding.bundle-without-root-refused", consequences=("connectivity.polls",))
def takes_a_trust_bundle_without_a_root(patch: Patch) -> None:
    """Replaces its roots by nothing."""
    roots = keeper.roots_of
    patch(keeper, "roots_of", lambda bundle: roots(bundle) or b"\n")


@AGENT.against("onboarding.bundle-replaces")
def collects_roots(patch: Patch) -> None:
    """Adds the roots of a new trust bundle to those that it has."""
    replace_file = keeper.replace_file

    def add(file: Path, content: bytes) -> None:
        before = file.read_bytes() if file.exists() and "bundle" in file.name else b""
        replace_file(file, content + before)

    patch(keeper, "replace_file", add)


@AGENT.against("onboarding.bundle-refreshed")
def never_asks_for_roots_again(patch: Patch) -> None:
    """Is content with the first trust bundle."""
    due = IdentityKeeper._bundle_is_due
    patch(IdentityKeeper, "_bundle_is_due", lambda self: not self._bundle.exists() and due(self))


@AGENT.against("onboarding.bundle-kept")
def forgets_its_roots_at_each_start(patch: Patch) -> None:
    """Needs the identity service before it can call its WOS."""
    begin = IdentityKeeper.__init__

    def empty(self: IdentityKeeper, *arguments: Any) -> None:
        begin(self, *arguments)
        if self._settings and self._settings.discovers:
            self._bundle.unlink(missing_ok=True)

    patch(IdentityKeeper, "__init__", empty)
