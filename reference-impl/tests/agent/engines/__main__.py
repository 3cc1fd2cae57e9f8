"""`make test-runtimes`: the scenarios of the agent on a real container engine and a real Kubernetes API.

Each part runs in namespaces of its own, on a loopback of its own, and ends with the process that is started here.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "wos-conformance"
PARTS = ("folder compose", "helm helm4")
"""Runtimes of one part after the other; all parts go on at once, since an engine is mostly waited for."""
NAMESPACES = [
    "setpriv",
    "--pdeathsig=KILL",
    "unshare",
    "--mount",
    "--pid",
    "--uts",
    "--ipc",
    "--net",
    "--fork",
    "--kill-child",
    "--mount-proc",
]
HOSTS = "127.0.0.1 localhost registry.example"
PREPARE = f"""set -e
mount -t tmpfs tmpfs /run && mkdir -p /run/lock && ip link set lo up
echo '{HOSTS}' >/run/hosts && mount --bind /run/hosts /etc/hosts
exec "$@"
"""


def main() -> int:
    """Install what is missing, then run pytest inside the namespaces; 2 if this machine cannot do it."""
    if sys.platform != "linux" or os.geteuid() != 0:
        print("test-runtimes needs Linux and root: it starts a container engine and namespaces", file=sys.stderr)
        return 2
    script = HERE / "install.sh"
    programs = CACHE / f"engines-{hashlib.sha256(script.read_bytes()).hexdigest()[:16]}"
    subprocess.run(["bash", str(script), str(programs)], check=True)
    with tempfile.TemporaryDirectory() as name:
        outputs = [Path(name) / str(number) for number in range(len(PARTS))]
        parts = [start(programs, *part) for part in zip(PARTS, outputs, strict=True)]
        return max(show(*part) for part in zip(PARTS, parts, outputs, strict=True))


def start(programs: Path, runtimes: str, output: Path) -> "subprocess.Popen[bytes]":
    """Run the tests of some runtimes in namespaces of their own."""
    environment = os.environ | {"WOS_ENGINES": str(programs), "WOS_RUNTIMES": runtimes}
    tests = [sys.executable, "-m", "pytest", "-q", "--durations=5", f"--basetemp={output}-files", str(HERE)]
    command = [*NAMESPACES, "bash", "-c", PREPARE, "bash", *tests, *sys.argv[1:]]
    with output.open("wb") as file:
        return subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)


def show(runtimes: str, part: "subprocess.Popen[bytes]", output: Path) -> int:
    """Wait for one part and print what it said; its exit code."""
    code = part.wait()
    print(f"== {runtimes} ==\n{output.read_text(errors='replace')}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
