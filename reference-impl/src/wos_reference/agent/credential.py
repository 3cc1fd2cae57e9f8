"""What a caller shows in a handshake."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Credential:
    """Files with a certificate chain and its key, in PEM."""

    certificate: Path
    key: Path
