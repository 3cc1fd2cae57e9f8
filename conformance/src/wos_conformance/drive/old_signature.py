"""Certificates that libraries no longer make: an ECDSA signature with SHA-1, set by hand into the DER."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_SHA1 = bytes.fromhex("300906072a8648ce3d0401")


def signed_with_sha1(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """The same certificate, signed by its issuer with ECDSA and SHA-1 in place of SHA-256."""
    content = _content(certificate.tbs_certificate_bytes).replace(_SHA256, _SHA1, 1)
    signed = _element(0x30, content)
    signature = key.sign(signed, ec.ECDSA(hashes.SHA1()))  # noqa: S303 - being weak is its purpose
    return x509.load_der_x509_certificate(_element(0x30, signed + _SHA1 + _element(0x03, b"\0" + signature)))


def _content(element: bytes) -> bytes:
    """What is inside a DER element."""
    length = element[1]
    return element[2:] if length < 0x80 else element[2 + (length & 0x7F) :]


def _element(tag: int, content: bytes) -> bytes:
    """A DER element of at most 65535 bytes."""
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes(2 if length > 0xFF else 1, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content
