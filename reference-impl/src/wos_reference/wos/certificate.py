"""Certificates as others write them: what is wrong with one is told in one way."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises of bytes that are no certificate, or no request for one."""


def read_pem(content: bytes) -> list[x509.Certificate]:
    """All certificates in PEM, at least one.

    Raises:
        ValueError: there is none, or one cannot be read.
    """
    try:
        return x509.load_pem_x509_certificates(content)
    except UNREADABLE as error:
        raise ValueError(f"no certificate can be read: {error}") from error
