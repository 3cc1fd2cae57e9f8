"""`make test-runtimes`: the scenarios of the agent on a real container engine and a real Kubernetes API.

Everything runs in namespaces of its own, on a loopback of its own, and ends with the process that is started here.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "wos-conformance"
NAMESPACES = ["--mount", "--pid", "--uts", "--ipc", "--net", "--fork", "--kill-child", "--mount-proc"]
PREPARE = 'mount -t tmpfs tmpfs /run && mkdir -p /run/lock && ip link set lo up && exec "$@"'


def main() -> int:
    """Install what is missing, then run pytest inside the namespaces; 2 if this machine cannot do it."""
    if sys.platform != "linux" or os.geteuid() != 0:
        print("test-runtimes needs Linux and root: it starts a container engine and namespaces", file=sys.stderr)
        return 2
    script = HERE / "install.sh"
    programs = CACHE / f"engines-{hashlib.sha256(script.read_bytes()).hexdigest()[:16]}"
    subprocess.run(["bash", str(script), str(programs)], check=True)
    environment = os.environ | {"WOS_ENGINES": str(programs)}
    tests = [sys.executable, "-m", "pytest", "-q", str(HERE), *sys.argv[1:]]
    command = ["unshare", *NAMESPACES, "bash", "-c", PREPARE, "bash", *tests]
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
