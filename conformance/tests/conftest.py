"""What the suite's own tests share: a trust domain, and the evidence of one small real run."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reference import running_wos
from wos_conformance.drive.trust_domain import TrustDomain

SMALL = "desired-state.first-version"


@pytest.fixture(scope="session")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `wos-conformance init` makes."""
    folder = tmp_path_factory.mktemp("credentials")
    TrustDomain.create("plant.example", "main").save(folder)
    return folder


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory, credentials: Path) -> Path:
    """The run folder of the scenarios for one requirement against the reference WOS. Not to be changed."""
    folder = tmp_path_factory.mktemp("small")
    with running_wos(folder / "wos", credentials) as wos:
        command = [
            sys.executable,
            "-m",
            "wos_conformance",
            "run",
            "wos",
            "--only",
            SMALL,
            "--seed",
            "1",
            "--workers",
            "1",
        ]
        command += ["--url", wos.wos_url, "--credentials", str(credentials), "--out", str(folder / "run")]
        command += ["--control", wos.control_url, "--control-token-file", str(wos.token_file)]
        subprocess.run(command, check=False, capture_output=True)
    return folder / "run"


@pytest.fixture
def evidence(small_run: Path, tmp_path: Path) -> Path:
    """A copy of the evidence of the small run, to be changed at will."""
    return shutil.copytree(small_run, tmp_path / "evidence")
