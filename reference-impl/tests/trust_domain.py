"""A throw-away trust domain for the tests of the reference."""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Credential:
    """A certificate with its key; `pem` holds both as one file."""

    certificate: x509.Certificate
    key: Any

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


class TrustDomain:
    """Issues certificates below one root, right and wrong ones."""

    def __init__(self) -> None:
        self.root = self._sign(ec.generate_private_key(ec.SECP256R1()), [], authority=True, issuer=None)

    def issue(
        self,
        *uris: str,
        authority: bool = False,
        days: float = 1,
        usages: Sequence[x509.ObjectIdentifier] = (),
        key: Any = None,
    ) -> Credential:
        key = key or ec.generate_private_key(ec.SECP256R1())
        return self._sign(key, list(uris), authority, self.root, days, usages)

    def issue_for_host(self, address: str) -> Credential:
        """A certificate for a server that is known by its address."""
        return self._sign(ec.generate_private_key(ec.SECP256R1()), [], False, self.root, hosts=[address])

    def _sign(
        self,
        key: Any,
        uris: list[str],
        authority: bool,
        issuer: Credential | None,
        days: float = 1,
        usages: Sequence[x509.ObjectIdentifier] = (),
        hosts: Sequence[str] = (),
    ) -> Credential:
        now = datetime.datetime.now(datetime.UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf" if issuer else f"root {uuid4()}")])
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer.certificate.subject if issuer else name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=3))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        names = [
            *(x509.UniformResourceIdentifier(uri) for uri in uris),
            *(x509.IPAddress(ipaddress.ip_address(host)) for host in hosts),
        ]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return Credential(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)
