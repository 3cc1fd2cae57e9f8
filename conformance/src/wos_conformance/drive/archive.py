"""Bundles as bytes: right ones, and hostile ones that differ from a right one in one thing."""

import gzip
import io
import struct
import tarfile
import zlib
from collections.abc import Callable, Mapping

_SWOLLEN = 1040 << 20
_STEP = 16 << 20
_GZIP_HEAD = bytes.fromhex("1f8b08000000000002ff")


def archive(documents: Mapping[str, bytes], mtime: int = 0) -> bytes:
    """The bundle of these documents; another `mtime` gives other bytes with the same members."""
    return gzip.compress(_tar(documents), mtime=mtime)


def hostile(kind: str, documents: Mapping[str, bytes]) -> bytes:
    """A bundle of these documents which has one thing that no bundle may have.

    Raises:
        KeyError: there is no such kind.
    """
    return HOSTILE[kind](documents)


def _tar(documents: Mapping[str, bytes], *more: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for member, content in [*(_member(f"{n}.yaml", documents[n]) for n in sorted(documents)), *more]:
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _member(name: str, content: bytes, mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    return member, content


def _special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.devmajor, member.devminor = kind, target, 1, 3
    return member, b""


def _with(*more: tuple[tarfile.TarInfo, bytes]) -> Callable[[Mapping[str, bytes]], bytes]:
    return lambda documents: gzip.compress(_tar(documents, *more), mtime=0)


def _repeated(documents: Mapping[str, bytes]) -> bytes:
    name = min(documents)
    return gzip.compress(_tar(documents, _member(f"{name}.yaml", documents[name] + b"\n")), mtime=0)


def _linked(kind: bytes) -> Callable[[Mapping[str, bytes]], bytes]:
    """One document is a link to where its content lies under another name."""

    def make(documents: Mapping[str, bytes]) -> bytes:
        name, rest = min(documents), dict(documents)
        more = [_member("content", rest.pop(name)), _special(f"{name}.yaml", kind, "content")]
        return gzip.compress(_tar(rest, *more), mtime=0)

    return make


def _named(pattern: str) -> Callable[[Mapping[str, bytes]], bytes]:
    return lambda documents: gzip.compress(_tar({pattern.format(n): b for n, b in documents.items()}), mtime=0)


def _lacking(documents: Mapping[str, bytes]) -> bytes:
    return gzip.compress(_tar({name: documents[name] for name in sorted(documents)[1:]}), mtime=0)


def _swollen(documents: Mapping[str, bytes]) -> bytes:
    """A surplus member that is small as long as nobody unpacks it; the zeros are packed once and repeated."""
    member = tarfile.TarInfo("zeros")
    member.size = _SWOLLEN
    head, tail = _without_end(documents) + member.tobuf(tarfile.USTAR_FORMAT), bytes(2 * tarfile.BLOCKSIZE)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    parts = [packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)]
    zeros, checksum = bytes(_STEP), zlib.crc32(head)
    repeated = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(_SWOLLEN // _STEP):
        checksum = zlib.crc32(zeros, checksum)
    parts += [repeated * (_SWOLLEN // _STEP), packer.compress(tail) + packer.flush()]
    length = (len(head) + _SWOLLEN + len(tail)) % (1 << 32)
    return _GZIP_HEAD + b"".join(parts) + struct.pack("<II", zlib.crc32(tail, checksum), length)


def _without_end(documents: Mapping[str, bytes]) -> bytes:
    parts = []
    for name in sorted(documents):
        member, content = _member(f"{name}.yaml", documents[name])
        parts += [member.tobuf(tarfile.USTAR_FORMAT), content, bytes(-len(content) % tarfile.BLOCKSIZE)]
    return b"".join(parts)


HOSTILE: dict[str, Callable[[Mapping[str, bytes]], bytes]] = {
    "parent-path": _named("../{}"),
    "absolute-path": _named("/{}"),
    "symbolic-link": _linked(tarfile.SYMTYPE),
    "hard-link": _linked(tarfile.LNKTYPE),
    "device": _with(_special("null", tarfile.CHRTYPE)),
    "pipe": _with(_special("pipe", tarfile.FIFOTYPE)),
    "duplicate": _repeated,
    "set-user-id": _with(_member("tool", b"#!/bin/sh\n", mode=0o4755)),
    "surplus": _with(_member("readme.txt", b"hello")),
    "in-folder": _named("folder/{}"),
    "dot-path": _named("./{}"),
    "with-folder": _with(_special("folder", tarfile.DIRTYPE)),
    "empty": lambda documents: gzip.compress(_tar({}), mtime=0),
    "lacking": _lacking,
    "swollen": _swollen,
    "not-gzip": _tar,
    "not-tar": lambda documents: gzip.compress(b"not an archive", mtime=0),
    "cut-short": lambda documents: archive(documents)[:-12],
}
"""All kinds by name."""
