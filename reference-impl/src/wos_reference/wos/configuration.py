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
    ready_file: Path | None = None
    """Written with `{"wosUrl": …, "controlUrl": …}` as soon as both listeners accept."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            OSError, msgspec.MsgspecError: it cannot be read, or is not a configuration.
        """
        return msgspec.yaml.decode(path.read_bytes(), type=cls, dec_hook=lambda kind, value: kind(value))
