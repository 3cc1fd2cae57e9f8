"""Unpacking member by member, under bounds that hold whatever the sender packed (`desired-state.md`)."""

import io
import tarfile
import zlib
from pathlib import Path, PurePosixPath

UNPACKED_LIMIT = 64 * 1024 * 1024
MEMBER_LIMIT = 10_000


class ArchiveError(ValueError):
    """The archive is damaged, too long when unpacked, or holds something that was not asked for."""


def gunzip(data: bytes, limit: int) -> bytes:
    """The content of `data`, one gzip member or several, of at most `limit` bytes. Raises ArchiveError."""
    content = bytearray()
    while data:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            content += unpacker.decompress(data, limit + 1 - len(content))
        except zlib.error as error:
            raise ArchiveError(f"not gzip: {error}") from error
        if len(content) > limit:
            raise ArchiveError(f"gzip unpacks to more than {limit} bytes")
        if not unpacker.eof:
            raise ArchiveError("gzip is cut short")
        data = unpacker.unused_data
    return bytes(content)


def unpack_bundle(bundle: bytes, expected: set[str]) -> dict[str, bytes]:
    """The members of a bundle by name, which must be exactly the names `expected`. Raises ArchiveError."""
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(gunzip(bundle, UNPACKED_LIMIT)), mode="r:") as archive:
            for member in archive:
                require_wanted(member, expected - members.keys())
                members[member.name] = read_member(archive, member)
    except ArchiveError:
        raise
    except (tarfile.TarError, EOFError, OSError, ValueError, OverflowError, RecursionError) as error:
        raise ArchiveError(f"not a tar archive: {error}") from error
    if members.keys() != expected:
        raise ArchiveError(f"the bundle lacks {sorted(expected - members.keys())}")
    return members


def require_wanted(member: tarfile.TarInfo, missing: set[str]) -> None:
    """Accept only a plain regular file at the root under a name that is still missing. Raises ArchiveError."""
    if member.name not in missing:
        raise ArchiveError(f"the bundle has a member {member.name!r} that is not in the manifest or came before")
    if not member.isreg() or member.issparse():
        raise ArchiveError(f"the member {member.name!r} is not a regular file")


def read_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """The bytes of one member; the archive is in memory, so they are bounded by it. Raises ArchiveError."""
    stream = archive.extractfile(member)
    content = stream.read() if stream else b""
    if len(content) != member.size:
        raise ArchiveError(f"the member {member.name!r} is cut short")
    return content


def unpack_folder(data: bytes, folder: Path) -> Path:
    """Unpack a tar in gzip below the new `folder`; its one top folder. Raises ArchiveError and OSError.

    Only plain files and folders come out, with none of the sender's owners, special bits or times.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(gunzip(data, UNPACKED_LIMIT)), mode="r:") as archive:
            for count, member in enumerate(archive):
                if count >= MEMBER_LIMIT:
                    raise ArchiveError(f"the archive has more than {MEMBER_LIMIT} members")
                unpack_member(archive, member, folder)
    except (tarfile.TarError, EOFError, OverflowError, RecursionError) as error:
        raise ArchiveError(f"not a tar archive: {error}") from error
    tops = list(folder.iterdir())
    if len(tops) != 1 or not tops[0].is_dir():
        raise ArchiveError(f"the archive has {len(tops)} members at its root; expected one folder")
    return tops[0]


def unpack_member(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Lay out one member below `folder`, which holds no links. Raises ArchiveError and OSError."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
        raise ArchiveError(f"the member {member.name!r:.200} leads out of the archive")
    target = folder / path
    if member.isdir():
        target.mkdir(mode=0o755, parents=True, exist_ok=True)
    elif member.isreg() and not member.issparse():
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(read_member(archive, member))
        target.chmod(0o755 if member.mode & 0o100 else 0o644)
    else:
        raise ArchiveError(f"the member {member.name!r:.200} is neither a file nor a folder")
