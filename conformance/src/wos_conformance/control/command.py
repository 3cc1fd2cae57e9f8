"""Test control as a command: the verb is its last argument, JSON goes in and out, the exit code is the status."""

import subprocess
from collections.abc import Sequence

from wos_conformance.control.contract import Reply, Unreachable

_TIMEOUT = 20.0
STATUSES = {0: 200, 75: 202, 69: 501}
"""Exit codes: 0 done, 75 (EX_TEMPFAIL) accepted, 69 (EX_UNAVAILABLE) not offered; all others mean that it failed."""


class CommandTransport:
    """Brings each verb by running a command."""

    def __init__(self, command: Sequence[str], folder: str | None = None) -> None:
        """`folder` is where the command is run; None is the current one."""
        self._command = list(command)
        self._folder = folder

    def send(self, verb: str, body: bytes) -> Reply:
        """Bring the verb.

        Raises:
            Unreachable: the command cannot be run, or does not end.
        """
        try:
            done = subprocess.run(
                [*self._command, verb],
                input=body,
                capture_output=True,
                timeout=_TIMEOUT,
                check=False,
                cwd=self._folder,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unreachable(str(error)) from error
        return Reply(STATUSES.get(done.returncode, 400), done.stdout)
