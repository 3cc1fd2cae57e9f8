"""Files that are there completely or not at all, and that only their owner can read."""

import os
from pathlib import Path


def replace_file(file: Path, content: bytes) -> None:
    """Let `file` have `content`; after a power cut it has the old content or the new one. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = file.with_name(file.name + ".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    with new.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(file)
