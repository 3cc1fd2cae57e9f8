"""Container images made from nothing: one program of a few instructions, for two kinds of processors."""

import gzip
import io
import json
import struct
import tarfile
from collections.abc import Callable

from wos_conformance.drive.package import MANIFEST_TYPE, Package, descriptor, packed
from wos_conformance.drive.publication import digest_of

_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
_ADDRESS = 0x400000
_HEADS = 64 + 56
_MACHINES = {"amd64": 62, "arm64": 183}


def _amd64(status: int | None) -> bytes:
    """exit(status), or ppoll(0, 0, 0, 0) again and again."""
    if status is not None:
        return struct.pack("<BIBI", 0xBF, status, 0xB8, 60) + b"\x0f\x05"
    wait = bytes.fromhex("31ff31f631d24d31d2") + struct.pack("<BI", 0xB8, 271) + b"\x0f\x05"
    return wait + b"\xeb" + struct.pack("b", -len(wait) - 2)


def _arm64(status: int | None) -> bytes:
    """The same for the other kind."""
    call = 0xD4000001
    if status is not None:
        return struct.pack("<3I", 0xD2800000 | status << 5, 0xD2800008 | 93 << 5, call)
    zeros = [0xD2800000 | register for register in range(4)]
    return struct.pack("<7I", *zeros, 0xD2800008 | 73 << 5, call, 0x14000000 | -6 & 0x3FFFFFF)


_CODES: dict[str, Callable[[int | None], bytes]] = {"amd64": _amd64, "arm64": _arm64}
ARCHITECTURES = tuple(_CODES)


def program(architecture: str, status: int | None) -> bytes:
    """An ELF file for Linux which ends with this status at once, or with None waits until it is ended."""
    code = _CODES[architecture](status)
    size = _HEADS + len(code)
    entry = _ADDRESS + _HEADS
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, _MACHINES[architecture], 1, entry, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    return head + struct.pack("<IIQQQQQQ", 1, 5, 0, _ADDRESS, _ADDRESS, size, size, 0x1000) + code


def image(status: int | None) -> Package:
    """An image with that program, for every processor that has one; SIGKILL ends it, because nothing else does."""
    packages = {architecture: _for(architecture, status) for architecture in ARCHITECTURES}
    entries = [
        descriptor(MANIFEST_TYPE, package.manifest) | {"platform": {"os": "linux", "architecture": architecture}}
        for architecture, package in packages.items()
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": _INDEX_TYPE, "manifests": entries}).encode()
    return Package(index, {}, _INDEX_TYPE, tuple(packages.values()))


def _for(architecture: str, status: int | None) -> Package:
    content, buffer = program(architecture, status), io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        member = tarfile.TarInfo("program")
        member.size, member.mode = len(content), 0o755
        tar.addfile(member, io.BytesIO(content))
    config = {
        "os": "linux",
        "architecture": architecture,
        "config": {"Entrypoint": ["/program"], "StopSignal": "SIGKILL"},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(buffer.getvalue())]},
    }
    layer = gzip.compress(buffer.getvalue(), mtime=0)
    return packed((_LAYER_TYPE, layer), (_CONFIG_TYPE, json.dumps(config).encode()))
