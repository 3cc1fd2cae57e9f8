"""A throw-away trust domain for the tests of the reference."""

import datetime
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Credential:
    """A certificate with its key; `pem` holds both as one file."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

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

    def issue(self, *uris: str, authority: bool = False, days: int = 1) -> Credential:
        return self._sign(ec.generate_private_key(ec.SECP256R1()), list(uris), authority, self.root, days)

    def _sign(
        self,
        key: ec.EllipticCurvePrivateKey,
        uris: list[str],
        authority: bool,
        issuer: Credential | None,
        days: int = 1,
    ) -> Credential:
        now = datetime.datetime.now(datetime.UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf" if issuer else "root")])
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
        if uris:
            names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
            builder = builder.add_extension(names, critical=False)
        return Credential(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)
