"""What stands in a registry: charts and Compose archives, right ones and twins of them with exactly one flaw."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wos_conformance.drive.publication import digest_of

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_MARGO = "application/vnd.org.margo.component.compose"
_HELM = "application/vnd.cncf.helm"
_EMPTY = "application/vnd.oci.empty.v1+json"
_TEMPLATE = b"""apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
data: {values: {{ toJson .Values | quote }}}
"""
_FAILURE = 3
"""The status with which the container of the flaw `container-ends` ends."""

Files = Mapping[str, bytes]
Member = tuple[tarfile.TarInfo, bytes]


@dataclass(frozen=True)
class Package:
    """A manifest, and what it names by digest: blobs, or other packages."""

    manifest: bytes
    blobs: Mapping[str, bytes]
    media_type: str = MANIFEST_TYPE
    parts: tuple["Package", ...] = ()


def packed(layer: tuple[str, bytes], config: tuple[str, bytes], annotations: Any = None, **more: Any) -> Package:
    """A package with one layer and its configuration, each with media type and content."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(*config),
        "layers": [descriptor(*layer) | ({"annotations": annotations} if annotations else {})],
        **more,
    }
    return Package(json.dumps(manifest).encode(), {digest_of(blob): blob for _, blob in (layer, config)})


def descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    """How a manifest names what it consists of."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def chart(name: str, revision: str, flaw: str | None = None) -> Package:
    """A Helm chart which keeps its values in a ConfigMap; it may have the flaw `bytes-altered`."""
    about = json.dumps({"apiVersion": "v2", "name": name, "version": revision.replace("_", "+")}).encode()
    files = {f"{name}/Chart.yaml": about, f"{name}/values.yaml": b"{}\n", f"{name}/templates/values.yaml": _TEMPLATE}
    package = packed((f"{_HELM}.chart.content.v1.tar+gzip", _tar(files)), (f"{_HELM}.config.v1+json", about))
    return _altered(package, files) if flaw == "bytes-altered" else package


def compose(name: str, revision: str, flaw: str | None, images: str) -> Package:
    """A Compose archive with one service, whose image stands below `images`; its flaw is one of COMPOSE_FLAWS."""
    service: dict[str, Any] = {"image": f"{images}/waits:1"}
    if flaw == "container-ends":
        service = {"image": f"{images}/ends:{_FAILURE}", "labels": {"ends-with": str(_FAILURE)}}
    content = json.dumps({"services": {"main": service}, "x-revision": revision}).encode()
    files = {f"{name}/compose.yaml": content}
    layer = ARCHIVE_FLAWS[flaw](name, files) if flaw in ARCHIVE_FLAWS else _tar(files)
    annotations = {"org.margo.component.type": "compose", "org.margo.component.version": revision}
    package = packed((f"{_MARGO}.tar+gzip", layer), (_EMPTY, b"{}"), annotations, artifactType=f"{_MARGO}+json")
    return _altered(package, files) if flaw == "bytes-altered" else package


def _altered(package: Package, files: Files) -> Package:
    """In place of the layer comes another one of the same length and with the same files."""
    right = digest_of(_tar(files))
    return Package(package.manifest, {**package.blobs, right: _tar(files, mtime=1)})


def _tar(files: Files, *more: Member, mtime: int = 0) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for member, content in [*(_file(name, files[name]) for name in files), *more]:
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=mtime)


def _file(name: str, content: bytes = b"more\n") -> Member:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    return member, content


def _link(name: str, kind: bytes, target: str) -> Member:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def _with(make: Callable[[str], Member]) -> Callable[[str, Files], bytes]:
    return lambda name, files: _tar(files, make(name))


def _renamed(name: str, files: Files) -> bytes:
    """The file is there under another name."""
    return _tar({path.replace("compose.yaml", "application.yaml"): content for path, content in files.items()})


ARCHIVE_FLAWS: dict[str, Callable[[str, Files], bytes]] = {
    "archive-second-folder": _with(lambda name: _file(f"{name}-more/compose.yaml")),
    "archive-file-at-top": _with(lambda name: _file("readme.txt")),
    "archive-no-compose-file": _renamed,
    "archive-parent-path": _with(lambda name: _file(f"{name}/../../{name}.txt")),
    "archive-absolute-path": _with(lambda name: _file(f"/{name}/more.txt")),
    "archive-symbolic-link": _with(lambda name: _link(f"{name}/more", tarfile.SYMTYPE, "../../more")),
    "archive-hard-link": _with(lambda name: _link(f"{name}/more", tarfile.LNKTYPE, "../../more")),
}
"""What must not be in an archive: it has the right digest, and its `compose.yaml` is as good as any."""
COMPOSE_FLAWS = ("bytes-altered", "container-ends", *ARCHIVE_FLAWS)
"""All flaws of Compose archives by name."""
