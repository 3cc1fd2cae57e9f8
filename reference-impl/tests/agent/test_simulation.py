"""A device that only simulates workloads retrieves and verifies all the same."""

import gzip
import io
import tarfile

import pytest

from wos_reference.agent.document import Component, Document
from wos_reference.agent.runtime import RetrievalError, WorkloadError
from wos_reference.agent.runtime.folder import FolderRuntime

ID = "00000000-0000-4000-8000-000000000001"
FILE = '{"services": {"main": {"image": "x"}}}'


def packed(**files: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"mixer/{name}.yaml")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(stream.getvalue())


class Shelf:
    """A registry with one package, or with none."""

    def __init__(self, package: bytes | None) -> None:
        self.package = package
        self.asked: list[str] = []

    def chart(self, repository: str, revision: str) -> bytes:
        self.asked.append(revision)
        if self.package is None:
            raise RetrievalError("there is none")
        return self.package

    compose_archive = chart


def document(kind, revision="1.0.0"):
    component = Component("mixer", "oci://registry.example/mixer", revision)
    return Document(ID, "mixer", "mixer", "press-7", kind, (component,))


@pytest.mark.parametrize("kind", ["helm", "compose"])
def test_package_is_retrieved_once_for_each_revision(tmp_path, kind):
    shelf = Shelf(packed(compose=FILE))
    runtime = FolderRuntime(tmp_path, shelf)
    for revision in ("1.0.0", "1.0.0", "1.1.0"):
        runtime.install(document(kind, revision))
    assert shelf.asked == ["1.0.0", "1.1.0"]
    assert [workload.revision for workload in runtime.running()] == ["1.1.0"]


REFUSED = {
    "missing": (None, "artifact-unavailable"),
    "no-archive": (b"something", "artifact-unavailable"),
    "no-compose-file": (packed(other=FILE), "artifact-unavailable"),
    "reaches-outside": (packed(compose=FILE.replace('"x"', '"x", "volumes": ["/etc:/e"]')), "start-failed"),
    "ends": (packed(compose=FILE.replace('"x"', '"x", "labels": {"ends-with": "3"}')), "start-failed"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_component_does_not_run_and_what_ran_goes_on(tmp_path, name):
    package, code = REFUSED[name]
    FolderRuntime(tmp_path).install(document("compose"))
    with pytest.raises(WorkloadError) as caught:
        FolderRuntime(tmp_path, Shelf(package)).install(document("compose", "1.1.0"))
    assert (caught.value.code, caught.value.component) == (code, "mixer")
    assert [workload.revision for workload in FolderRuntime(tmp_path).running()] == ["1.0.0"]


def test_container_that_ends_well_is_no_failure(tmp_path):
    shelf = Shelf(packed(compose=FILE.replace('"x"', '"x", "labels": {"ends-with": "0"}')))
    FolderRuntime(tmp_path, shelf).install(document("compose"))
    assert len(FolderRuntime(tmp_path).running()) == 1
