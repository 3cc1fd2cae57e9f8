"""Sins of an agent around identity."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mutants import openssl
from mutants.catalogue import AGENT, Patch
from wos_reference.agent import identity


def _with_context(patch: Patch, change: Any) -> None:
    tls_context = identity.tls_context

    def changed(svid: Path, key: Path, trust_bundle: Path) -> ssl.SSLContext:
        context = tls_context(svid, key, trust_bundle)
        change(context)
        return context

    patch(identity, "tls_context", changed)


@AGENT.against("identity.agent-tls-version", consequences=("identity.agent-tls-1-2-off",))
def speaks_tls_1_2_at_most(patch: Patch) -> None:
    """Does not know TLS 1.3."""

    def old(context: ssl.SSLContext) -> None:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    _with_context(patch, old)


@AGENT.against("identity.agent-chain-sent", consequences=("desired-state.converges", "status.installed-reported"))
def sends_its_leaf_alone(patch: Patch) -> None:
    """Leaves the intermediate certificate out."""
    tls_context = identity.tls_context

    def leaf_only(svid: Path, key: Path, trust_bundle: Path) -> ssl.SSLContext:
        end = b"-----END CERTIFICATE-----\n"
        leaf = svid.with_name("leaf.pem")
        leaf.write_bytes(svid.read_bytes().partition(end)[0] + end)
        return tls_context(leaf, key, trust_bundle)

    patch(identity, "tls_context", leaf_only)


@AGENT.against("identity.agent-verifies-chain", consequences=("identity.agent-verifies-validity",))
def looks_at_the_name_only(patch: Patch) -> None:
    """Does not care who signed the certificate of its WOS."""
    _with_context(patch, lambda context: setattr(context, "verify_mode", ssl.CERT_NONE))


@AGENT.against("identity.agent-verifies-validity")
def has_no_clock(patch: Patch) -> None:
    """Accepts certificates of any time."""
    _with_context(patch, openssl.check_no_time)


@AGENT.against("identity.agent-expired-root")
def trusts_a_root_for_ever(patch: Patch) -> None:
    """Does not see that a root has expired, nor anything else."""
    _with_context(patch, openssl.check_no_time)


def _with_names(patch: Patch, change: Callable[[list[str], str], list[str]]) -> None:
    """Read other names in the certificate of the peer; `change` takes those that stand there, and the WOS's own."""
    names, expected = identity.uri_names, [""]
    verify = identity.verify_wos_leaf

    def note(leaf: bytes, wos_id: str) -> None:
        expected[0] = wos_id
        verify(leaf, wos_id)

    patch(identity, "verify_wos_leaf", note)
    patch(identity, "uri_names", lambda certificate: change(names(certificate), expected[0]))


@AGENT.against("identity.agent-verifies-wos-id")
def accepts_every_peer_of_the_trust_bundle(patch: Patch) -> None:
    """Looks at the chain and not at the name."""
    _with_names(patch, lambda names, wos_id: [wos_id] if wos_id and len(names) == 1 else names)


@AGENT.against("identity.agent-verifies-wos-id")
def compares_names_without_case(patch: Patch) -> None:
    """Takes two ids for one when they differ in upper and lower case."""
    _with_names(patch, lambda names, wos_id: [wos_id] if [n.lower() for n in names] == [wos_id.lower()] else names)


@AGENT.against("identity.agent-verifies-wos-id")
def accepts_other_clients_as_wos(patch: Patch) -> None:
    """Looks at the beginning of the id only (D26)."""
    _with_names(patch, lambda names, wos_id: [n[: len(wos_id)] if wos_id else n for n in names])


@AGENT.against("identity.agent-verifies-leaf")
def accepts_an_authority_as_wos(patch: Patch) -> None:
    """Does not look at whether the leaf may sign others."""
    patch(identity, "may_sign_certificates", lambda certificate: False)


@AGENT.against("identity.agent-verifies-usage")
def takes_certificates_of_clients(patch: Patch) -> None:
    """Does not look at what a certificate may be used for."""
    _with_context(patch, openssl.allow_any_purpose)
    patch(identity, "may_serve", lambda certificate: True)


@AGENT.against("identity.agent-verifies-strength")
def takes_weak_certificates(patch: Patch) -> None:
    """Does not look at keys and signatures."""
    _with_context(patch, lambda context: context.set_ciphers("DEFAULT:@SECLEVEL=0"))
    patch(identity, "is_strong", lambda certificate: True)


@AGENT.against("identity.agent-tls-1-2-off")
def speaks_tls_1_2_unasked(patch: Patch) -> None:
    """Leaves TLS 1.2 on, because some library has it on (D24)."""
    _with_context(patch, lambda context: setattr(context, "minimum_version", ssl.TLSVersion.TLSv1_2))


@AGENT.against("identity.agent-bundle-replaced")
def keeps_the_roots_of_yesterday(patch: Patch) -> None:
    """Trusts every root that it was ever given."""
    tls_context = identity.tls_context

    def collect(svid: Path, key: Path, trust_bundle: Path) -> ssl.SSLContext:
        with (kept := trust_bundle.with_name("kept.pem")).open("ab") as file:
            file.write(trust_bundle.read_bytes())
        return tls_context(svid, key, kept)

    patch(identity, "tls_context", collect)


@AGENT.against("identity.agent-verifies-leaf")
def accepts_one_of_several_names(patch: Patch) -> None:
    """Is content when one of the names is right."""
    _with_names(patch, lambda names, wos_id: [wos_id] if wos_id in names else names)
