"""`make certify-postgresql`: the reference WOS over a real PostgreSQL server, with all that `make certify` claims."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from certify import FEATURES, SUITE
from identity_service import ANCHORS, identity_service
from reference import running_wos

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "reference-impl" / "tests"))
from postgresql_server import NoServer, running_postgresql  # noqa: E402 # the tests of the reference are no package


def main() -> int:
    """The exit code of the run."""
    report = ROOT / "reports" / "local" / f"reference-wos-postgresql-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    try:
        with running_postgresql() as server, tempfile.TemporaryDirectory() as folder:
            return certify(Path(folder), server.database(), report)
    except NoServer as missing:
        print(missing, file=sys.stderr)
        return 3


def certify(folder: Path, database: str, report: Path) -> int:
    """Run the suite against a WOS over this database."""
    credentials = folder / "credentials"
    subprocess.run([*SUITE, "init", str(credentials)], stdout=subprocess.DEVNULL, check=True)
    settings = {"database": database, "identity_service": identity_service(folder, credentials)}
    with running_wos(folder / "wos", credentials, settings=settings) as wos:
        command = [*SUITE, "run", "wos", "--url", wos.wos_url, "--credentials", str(credentials)]
        command += ["--identity-service", wos.identity_url, "--identity-anchors", str(folder / ANCHORS)]
        command += [f"--feature={name}" for name in FEATURES["wos"]]
        command += ["--control", wos.control_url, "--control-token-file", str(wos.token_file)]
        command += ["--target", "reference-wos on PostgreSQL", "--out", str(report)]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
