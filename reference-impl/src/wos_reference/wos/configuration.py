"""The configuration file of a WOS."""

from pathlib import Path
from typing import Self

import msgspec


class IdentityServiceConfiguration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The features enrolment and trust discovery, on a listener of their own."""

    listen: str
    certificate: Path
    """For the host name in the URL, leaf first; it chains to anchors that agents are given."""
    key: Path
    issuer: Path
    """Certificate of the authority that signs SVIDs, then those between it and a root of the trust bundle."""
    issuer_key: Path
    url: str | None = None
    """Where agents reach it; without it, the address that it listens on."""
    svid_lifetime: float = 7 * 86400.0
    """Seconds."""
    approval_retry: int = 30
    """Seconds until whoever waits for an approval asks again."""


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One YAML file. Addresses are `HOST:PORT`; port 0 lets the system choose."""

    listen: str
    svid: Path
    key: Path
    trust_bundle: Path
    operator_listen: str
    operator_token_file: Path
    database: str = "sqlite:///wos.sqlite3"
    """`sqlite:///FILE`, or `postgresql://…` for several replicas; the password may stand in PGPASSFILE."""
    ready_file: Path | None = None
    """Written with `{"wosUrl": …, "controlUrl": …}` as soon as all listeners accept; `identityUrl` if there is one."""
    identity_service: IdentityServiceConfiguration | None = None
    tls_1_2: bool = False
    """Whether TLS 1.2 is spoken beside TLS 1.3 (feature `tls-1.2`)."""
    behind_proxy: str | None = None
    """The address of the one proxy which ends TLS and passes certificates on (RFC 9440); the listener speaks HTTP."""
    connection_lifetime: float = 300.0
    """Seconds after which a connection ends, so that its handshake is never older than that."""
    connections_at_most: int = 2000
    log_level: str = "info"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            OSError, msgspec.MsgspecError: it cannot be read, or is not a configuration.
        """
        return msgspec.yaml.decode(path.read_bytes(), type=cls, dec_hook=lambda kind, value: kind(value))
