"""Versions of the specification by the names that people give them: a number, a folder, the draft, a commit."""

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import yaml

from wos_conformance.specification import Specification, SpecificationError

DRAFT = "draft"
_COMMIT = "git:"


@contextmanager
def edition(name: str) -> Iterator[Specification]:
    """A version by its number (`1.0`), a folder that holds one, `draft`, or `git:REV` with `:VERSION` where not 1.0.

    Raises:
        SpecificationError: there is nothing of this name, or it contradicts itself.
    """
    with tempfile.TemporaryDirectory() as temporary:
        yield Specification.read(_folder(name, Path(temporary)))


def repository() -> Path:
    """The folder of the repository that this package runs from.

    Raises:
        SpecificationError: the package is installed without its repository.
    """
    root = Specification.load().folder.parent.parent
    if not (root / "spec" / DRAFT).is_dir():
        raise SpecificationError(
            "this word needs the repository; run it from a clone that was installed with --editable"
        )
    return root


def _folder(name: str, temporary: Path) -> Path:
    if name.startswith(_COMMIT):
        revision, _, version = name.removeprefix(_COMMIT).partition(":")
        return _committed(revision, version or "1.0", temporary)
    if name == DRAFT:
        return overlaid(repository() / "spec", temporary)
    if Path(name).is_dir():
        return Path(name)
    return Specification.load(name).folder


def overlaid(spec: Path, target: Path) -> Path:
    """The draft as a whole version in `target`: its base, with the files of the draft laid over it.

    Raises:
        SpecificationError: the draft takes away a file that its base does not have.
    """
    draft = spec / DRAFT
    overlay = yaml.safe_load((draft / "overlay.yaml").read_bytes())
    whole = target / DRAFT
    shutil.copytree(spec / f"v{overlay['base']}", whole)
    for name in overlay["removed"]:
        if not (whole / name).is_file():
            raise SpecificationError(f"overlay.yaml removes {name}, which v{overlay['base']} does not have")
        (whole / name).unlink()
    shutil.copytree(draft, whole, dirs_exist_ok=True, ignore=shutil.ignore_patterns("overlay.yaml"))
    return whole


def _committed(revision: str, version: str, temporary: Path) -> Path:
    folder = f"spec/v{version}"
    command = ["git", "-C", str(repository()), "archive", "--format=tar", revision, folder]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise SpecificationError(f"there is no {folder} at commit {revision!r}: {reason}")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(temporary, filter="data")
    return temporary / folder
