"""Child processes: none outlives the agent, none takes longer than it may."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence

PR_SET_PDEATHSIG = 1
KEPT_OUTPUT = 500  # characters of what a failed command said


class CommandError(Exception):
    """A command failed, was too slow or is not there; the text says which and what it said."""

    def __init__(self, sentence: str, *, was_late: bool = False) -> None:
        super().__init__(sentence)
        self.was_late = was_late


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    timeout: float,
    stdin: bytes = b"",
    folder: str | None = None,
) -> bytes:
    """Run `command` to its end within `timeout` s; what it wrote to standard output. Raises CommandError."""
    name = " ".join(command[:2])
    try:
        done = subprocess.run(
            command,
            env=environment,
            input=stdin,
            capture_output=True,
            timeout=timeout,
            cwd=folder,
            check=False,
            preexec_fn=end_with(os.getpid()),
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{name} took longer than {timeout:.0f} s", was_late=True) from error
    except OSError as error:
        raise CommandError(f"{name} cannot be run: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise CommandError(f"{name} failed: {said[-KEPT_OUTPUT:] or f'exit status {done.returncode}'}")
    return done.stdout


def end_with(parent: int) -> Callable[[], None] | None:
    """What a child does before it becomes its program: ask to be killed when `parent` ends (Linux only)."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None:
        return None

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return bind
