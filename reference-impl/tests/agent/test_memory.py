"""What a hostile or careless sender packs costs a bounded amount of memory, and changes nothing."""

import gzip
import io
import json
import resource
import tarfile
import tracemalloc

import pytest
import yaml

from wos_reference.agent import archive
from wos_reference.agent.desired_state import ManifestError, read_manifest
from wos_reference.agent.document import DocumentError, read_document
from wos_reference.agent.runtime import WorkloadError
from wos_reference.agent.runtime.compose_file import self_contained_services

MIB = 1024 * 1024
BOUND = 256 * MIB  # for any one input; the unit of systemd allows twice as much for the whole agent
ID = "00000000-0000-4000-8000-000000000001"


def tar_with(*members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as bundle:
        for name, kind, body in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(body), "/etc/passwd"
            bundle.addfile(member, io.BytesIO(body))
    return stream.getvalue()


def zeros_in_gzip(gibibytes):
    """A gzip of so many GiB of zeros, as concatenated members of one MiB each."""
    return gzip.compress(bytes(MIB), mtime=0) * (1024 * gibibytes)


def nested_lists(depth):
    levels = ["a: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"b{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, depth)]
    return "\n".join(levels).encode()


def manifest(count, identifier=ID):
    digest = "sha256:" + "0" * 64
    entries = [
        {"deploymentId": name, "digest": digest, "url": f"/api/v1/deployments/{name}/{digest}"}
        for name in (f"{number:08x}{identifier[8:]}" for number in range(count))
    ]
    return json.dumps({"manifestVersion": 2, "bundle": None, "deployments": entries}).encode()


def read_tar(data):
    archive.unpack_bundle(data, {f"{ID}.yaml"})


INPUTS = {
    "manifest-of-10000-deployments": (read_manifest, lambda: manifest(10_000), ManifestError),
    "manifest-with-short-ids": (read_manifest, lambda: manifest(1, "123"), ManifestError),
    "bundle-of-a-gibibyte": (read_tar, lambda: zeros_in_gzip(1), archive.ArchiveError),
    "bundle-with-a-huge-member": (read_tar, lambda: gzip.compress(bytes(200 * MIB)), archive.ArchiveError),
    "yaml-bomb": (lambda body: read_document(body, ID), lambda: nested_lists(30), DocumentError),
    "yaml-bomb-in-compose": (self_contained_services, lambda: b"services: {}\n" + nested_lists(30), WorkloadError),
    "yaml-of-many-nodes": (lambda body: read_document(body, ID), lambda: b"- a\n" * 500_000, DocumentError),
}


@pytest.mark.parametrize("name", INPUTS)
def test_input_is_refused_within_the_bound(name):
    read, make_input, refusal = INPUTS[name]
    data = make_input()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    try:
        with pytest.raises(refusal):
            read(data)
        assert tracemalloc.get_traced_memory()[1] < BOUND
    finally:
        tracemalloc.stop()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < BOUND


HOSTILE = {
    "climbs-up": ("../../etc/x", tarfile.REGTYPE, b"x"),
    "climbs-up-inside": ("app/../../x", tarfile.REGTYPE, b"x"),
    "absolute": ("/etc/x", tarfile.REGTYPE, b"x"),
    "symbolic-link": ("app/link", tarfile.SYMTYPE, b""),
    "hard-link": ("app/link", tarfile.LNKTYPE, b""),
    "device": ("app/null", tarfile.CHRTYPE, b""),
    "pipe": ("app/pipe", tarfile.FIFOTYPE, b""),
    "twice": ("app/compose.yaml", tarfile.REGTYPE, b"x"),
    "backslash": ("app\\..\\x", tarfile.REGTYPE, b"x"),
    "second-top": ("other/x", tarfile.REGTYPE, b"x"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_archive_of_a_component_is_hostile(name, tmp_path):
    folder = tmp_path / "place" / "new"
    folder.mkdir(parents=True)
    data = gzip.compress(tar_with(("app/compose.yaml", tarfile.REGTYPE, b"services: {}"), HOSTILE[name]))
    with pytest.raises((archive.ArchiveError, FileExistsError)):
        archive.unpack_folder(data, folder)
    assert [path.name for path in tmp_path.iterdir()] == ["place"]
    assert [path.name for path in folder.parent.iterdir()] == ["new"]


def test_special_bits_are_dropped(tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as bundle:
        member = tarfile.TarInfo("app/run")
        member.mode = 0o7777
        bundle.addfile(member, io.BytesIO())
    top = archive.unpack_folder(gzip.compress(stream.getvalue()), tmp_path)
    assert (top / "run").stat().st_mode & 0o7777 == 0o755


OBJECTIONABLE = {
    "bind": {"services": {"a": {"volumes": ["/etc:/host"]}}},
    "relative-bind": {"services": {"a": {"volumes": ["./data:/data"]}}},
    "variable-bind": {"services": {"a": {"volumes": ["${X}:/data"]}}},
    "long-bind": {"services": {"a": {"volumes": [{"type": "bind", "source": "/etc", "target": "/host"}]}}},
    "secret": {"services": {}, "secrets": {"s": {"file": "s.txt"}}},
    "disguised-bind": {"services": {}, "volumes": {"v": {"driver_opts": {"type": "none", "o": "bind"}}}},
    "env-file": {"services": {"a": {"env_file": "/etc/environment"}}},
    "env-file-above": {"services": {"a": {"env_file": [{"path": "../x"}]}}},
    "config-above": {"services": {}, "configs": {"c": {"file": "../x"}}},
    "include": {"include": ["x.yaml"], "services": {}},
    "build": {"services": {"a": {"build": "."}}},
    "extends": {"services": {"a": {"extends": {"file": "x.yaml", "service": "a"}}}},
}


@pytest.mark.parametrize("name", OBJECTIONABLE)
def test_compose_file_reaches_outside(name):
    with pytest.raises(WorkloadError):
        self_contained_services(yaml.safe_dump(OBJECTIONABLE[name]).encode())


def test_compose_file_is_self_contained():
    self_contained_services(
        b"x-log: &log {driver: local}\n"
        b"services: {a: {image: b, logging: *log, volumes: ['data:/d'], env_file: a.env}}\n"
        b"volumes: {data: {}}\nconfigs: {c: {file: conf/c.json}}\n"
    )
