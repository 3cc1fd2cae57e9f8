"""The configuration file of a WOS."""

from pathlib import Path
from typing import Self

import msgspec


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
    """Written with `{"wosUrl": …, "controlUrl": …}` as soon as both listeners accept."""
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
