"""Sins of an agent around identity."""

import ssl
from pathlib import Path
from typing import Any

from cryptography import x509

from mutants.catalogue import AGENT, Patch
from wos_reference.agent import identity


def _with_context(patch: Patch, change: Any) -> None:
    tls_context = identity.tls_context

    def changed(svid: Path, key: Path, trust_bundle: Path) -> ssl.SSLContext:
        context = tls_context(svid, key, trust_bundle)
        change(context)
        return context

    patch(identity, "tls_context", changed)


@AGENT.against("identity.agent-tls-version")
def speaks_tls_1_2_at_most(patch: Patch) -> None:
    """Does not know TLS 1.3."""

    def old(context: ssl.SSLContext) -> None:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    _with_context(patch, old)


@AGENT.against("identity.agent-chain-sent")
def sends_its_leaf_alone(patch: Patch) -> None:
    """Leaves the intermediate certificate out."""
    tls_context = identity.tls_context

    def leaf_only(svid: Path, key: Path, trust_bundle: Path) -> ssl.SSLContext:
        end = b"-----END CERTIFICATE-----\n"
        leaf = svid.with_name("leaf.pem")
        leaf.write_bytes(svid.read_bytes().partition(end)[0] + end)
        return tls_context(leaf, key, trust_bundle)

    patch(identity, "tls_context", leaf_only)


@AGENT.against("identity.agent-verifies-chain")
def looks_at_the_name_only(patch: Patch) -> None:
    """Does not care who signed the certificate of its WOS."""
    _with_context(patch, lambda context: setattr(context, "verify_mode", ssl.CERT_NONE))


@AGENT.against("identity.agent-verifies-validity")
def has_no_clock(patch: Patch) -> None:
    """Accepts certificates of any time."""
    no_check_time = 0x200000
    _with_context(patch, lambda context: setattr(context, "verify_flags", context.verify_flags | no_check_time))


def _patch_leaf_check(patch: Patch, is_right: Any) -> None:
    def verify(leaf: bytes, wos_id: str) -> None:
        if not is_right(x509.load_der_x509_certificate(leaf), wos_id):
            raise ssl.SSLCertVerificationError("the peer is not the WOS")

    patch(identity, "verify_wos_leaf", verify)


@AGENT.against("identity.agent-verifies-wos-id")
def accepts_every_peer_of_the_trust_bundle(patch: Patch) -> None:
    """Looks at the chain and not at the name."""
    _patch_leaf_check(patch, lambda leaf, wos_id: not identity.may_sign_certificates(leaf))


@AGENT.against("identity.agent-verifies-wos-id")
def compares_names_without_case(patch: Patch) -> None:
    """Takes two ids for one when they differ in upper and lower case."""

    def same(leaf: x509.Certificate, wos_id: str) -> bool:
        return [name.lower() for name in identity.uri_names(leaf)] == [wos_id.lower()]

    _patch_leaf_check(patch, same)


@AGENT.against("identity.agent-verifies-wos-id")
def accepts_other_clients_as_wos(patch: Patch) -> None:
    """Looks at the beginning of the id only."""
    _patch_leaf_check(patch, lambda leaf, wos_id: "".join(identity.uri_names(leaf)).startswith(wos_id))


@AGENT.against("identity.agent-verifies-leaf")
def accepts_an_authority_as_wos(patch: Patch) -> None:
    """Does not look at what the leaf may be used for."""
    patch(identity, "may_sign_certificates", lambda certificate: False)


@AGENT.against("identity.agent-verifies-leaf")
def accepts_one_of_several_names(patch: Patch) -> None:
    """Is content when one of the names is right."""
    _patch_leaf_check(patch, lambda leaf, wos_id: wos_id in identity.uri_names(leaf))
