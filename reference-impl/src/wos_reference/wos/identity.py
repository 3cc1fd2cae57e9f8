"""Who calls (identity.md): OpenSSL has verified chain and validity; leaf, id and policy are looked at here."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from wos_reference.wos.certificate import UNREADABLE, read_pem

_SEGMENT = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+"
_DOMAIN = r"[a-z0-9._-]{1,255}"
_AGENT = re.compile(rf"(?P<wos>spiffe://{_DOMAIN}/margo/wfm/{_SEGMENT})/client/{_SEGMENT}")
_WOS = re.compile(rf"spiffe://{_DOMAIN}/margo/wfm/{_SEGMENT}")
_LONGEST_ID = 2048
_RSA_BITS = 3072


class IdentityError(ValueError):
    """A certificate does not show an acceptable identity."""


@dataclass(frozen=True)
class Peer:
    """What a leaf certificate says; valid until `not_after`."""

    uris: tuple[str, ...]
    may_sign: bool
    may_be_client: bool
    is_strong: bool
    not_before: datetime
    not_after: datetime


@lru_cache(maxsize=4096)
def read_peer(der: bytes) -> Peer:
    """Read a leaf certificate.

    Raises:
        IdentityError: it cannot be read.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        return Peer(
            _uris(certificate),
            _may_sign(certificate),
            _may_be_client(certificate),
            _is_strong(certificate),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
        )
    except UNREADABLE as error:
        raise IdentityError("the certificate cannot be read") from error


def _uris(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(names.get_values_for_type(x509.UniformResourceIdentifier))


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        if certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return True
    except x509.ExtensionNotFound:
        pass
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return usage.key_cert_sign or usage.crl_sign


def _may_be_client(certificate: x509.Certificate) -> bool:
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.CLIENT_AUTH in usages


def _is_strong(certificate: x509.Certificate) -> bool:
    key, signed_with = certificate.public_key(), certificate.signature_hash_algorithm
    short = isinstance(key, rsa.RSAPublicKey) and key.key_size < _RSA_BITS
    return not short and not isinstance(signed_with, hashes.SHA1 | hashes.MD5)


def caller(der: bytes | None, own_id: str) -> str:
    """The SPIFFE id of the agent that shows this leaf to the WOS of this id.

    Raises:
        IdentityError: it is no agent of this WOS.
    """
    if der is None:
        raise IdentityError("no certificate was presented")
    peer = read_peer(der)
    check_names(peer)
    check_leaf(peer)
    check_path(peer.uris[0], own_id)
    return peer.uris[0]


def check_names(peer: Peer) -> None:
    """A leaf has exactly one URI name."""
    if len(peer.uris) != 1:
        raise IdentityError(f"the certificate has {len(peer.uris)} URI names")


def check_leaf(peer: Peer) -> None:
    """A leaf signs nothing, may be shown by a client, is strong enough and valid now."""
    if peer.may_sign:
        raise IdentityError("the certificate may sign certificates")
    if not peer.may_be_client:
        raise IdentityError("the certificate is not for clients")
    if not peer.is_strong:
        raise IdentityError("the certificate is too weak")
    if not peer.not_before <= datetime.now(UTC) <= peer.not_after:
        raise IdentityError("the certificate is not valid now")


def check_path(spiffe_id: str, own_id: str) -> None:
    """An agent's id is the id of its WOS, then `/client/`, then one segment."""
    found = _AGENT.fullmatch(spiffe_id)
    if found is None or len(spiffe_id) > _LONGEST_ID:
        raise IdentityError("that is not the id of an agent")
    if found["wos"] != own_id:
        raise IdentityError("that agent belongs to another WOS")


def own_spiffe_id(chain_file: Path, expected: str | None = None) -> str:
    """The SPIFFE id in the WOS's own certificate; it must be the expected one, if any.

    Raises:
        IdentityError: the certificate is not the SVID of a WOS, or of another one.
        ValueError: there is no certificate in the file.
    """
    uris = read_peer(read_pem(chain_file.read_bytes())[0].public_bytes(Encoding.DER)).uris
    if len(uris) != 1 or not _WOS.fullmatch(uris[0]):
        raise IdentityError(f"{chain_file} does not name exactly one WOS: {uris}")
    if expected not in (None, uris[0]):
        raise IdentityError(f"{chain_file} names {uris[0]} instead of {expected}")
    return uris[0]
