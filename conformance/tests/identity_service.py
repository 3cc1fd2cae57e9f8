"""What the identity service of the reference WOS needs beside the credentials of a run: a certificate for its host."""

import datetime
import ipaddress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
ANCHORS = "identity-anchors.pem"


def identity_service(folder: Path, credentials: Path) -> dict[str, Any]:
    """Settings for a reference WOS whose identity service issues below the intermediate of the credentials.

    The anchors for it lie in `folder`, in the file `ANCHORS`.
    """
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate("anchor", root_key, "anchor", root_key, authority=True)
    leaf = _certificate("identity service", key, "anchor", root_key, authority=False)
    (folder / ANCHORS).write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (folder / "host.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    (folder / "host-key.pem").touch(mode=0o600)
    (folder / "host-key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return {
        "listen": f"{HOST}:0",
        "certificate": str(folder / "host.pem"),
        "key": str(folder / "host-key.pem"),
        "issuer": str(credentials / "intermediate.pem"),
        "issuer_key": str(credentials / "intermediate-key.pem"),
        "approval_retry": 1,
    }


def _certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    authority: bool,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
