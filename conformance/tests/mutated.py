"""Runs of the suite against one target, a mutant, a facade or the reference itself, as real processes on both sides."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from identity_service import ANCHORS, identity_service
from mutants import Role
from reference import AGENT, WOS, Address, running_agent, running_wos

MUTATE = (sys.executable, "-m", "mutants")
PRETEND = (sys.executable, "-m", "facades")
SUITE = (sys.executable, "-m", "wos_conformance")
TIMES = ("--poll-interval", "0.05", "--request-timeout", "2", "--max-backoff", "0.5", "--apply-time", "4")
SHORT_TIMES = ("--poll-interval", "0.05", "--request-timeout", "0.5", "--max-backoff", "0.2", "--apply-time", "0.3")
_FACADES_AT_ONCE = 3
"""Devices that are nothing but a facade of an agent; each is waited for in nearly every scenario."""
RUN, LOG, COMMITTED = "run", "log", "committed"
CLAIMED: dict[Role, tuple[str, ...]] = {
    "wos": ("enrolment", "trust-discovery", "gateway", "content-encoding"),
    "agent": ("enrolment", "trust-discovery", "gateway", "content-encoding", "helm", "compose"),
}
"""The features that the reference is run with; others need a run of their own."""
OLD_TLS = "tls-1.2"
# Processes that commit sins must find the catalogue.
os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])


class Done(NamedTuple):
    """How a run ended; `code` is None when it had to be ended."""

    code: int | None
    told: str


def judged_reference(role: Role, credentials: Path, folder: Path, *options: str, deadline: float) -> Done:
    """Run scenarios against the reference; `folder`/run is the run folder, here and below."""
    return judged_as(role, (), credentials, folder, *options, deadline=deadline)


def judged_mutant(
    role: Role, name: str, credentials: Path, folder: Path, *options: str, deadline: float = 120.0
) -> Done:
    """Run scenarios against the mutant of this name."""
    command = (*MUTATE, role, name, str(folder / COMMITTED))
    return judged_as(role, command, credentials, folder, *options, deadline=deadline)


def judged_as(
    role: Role, command: Sequence[str], credentials: Path, folder: Path, *options: str, deadline: float
) -> Done:
    """Run scenarios against what this command starts in place of the reference."""
    if role == "wos":
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"identity_service": identity_service(folder, credentials), "tls_1_2": OLD_TLS in options}
        with running_wos(folder, credentials, command or WOS, settings) as wos:
            return judged_at(wos, role, credentials, folder, *options, deadline=deadline)
    with running_agent(folder, command or AGENT) as agent:
        return judged_at(agent, role, credentials, folder, *TIMES, *options, deadline=deadline)


def judged_facade(
    role: Role, name: str, recording: Path, credentials: Path, folder: Path, *options: str, deadline: float
) -> Done:
    """Run scenarios against the facade of this name; `recording` is a run folder of the reference.

    The seed is another one, as it is in every run of a certifier: a recording knows nothing of what comes next.
    """
    command = (*PRETEND, role, name, str(recording))
    options = ("--seed", "8", *options)
    if role == "wos":
        return judged_as(role, command, credentials, folder, *options, deadline=deadline)
    with ExitStack() as stack:
        first = stack.enter_context(running_agent(folder, supervisor=command))
        for number in range(1, _FACADES_AT_ONCE):
            place = folder / f"device-{number}"
            device = stack.enter_context(running_agent(place, supervisor=command, token_file=first.token_file))
            options = (*options, "--further-control", device.control_url)
        return judged_at(first, role, credentials, folder, *SHORT_TIMES, *options, deadline=deadline)


def judged_at(address: Address, role: Role, credentials: Path, folder: Path, *options: str, deadline: float) -> Done:
    """Run scenarios against a target that runs already; the same each time, unless options name another seed."""
    command = [*SUITE, "run", role, "--no-shrink", "--out", str(folder / RUN), "--seed", "7", *options]
    command += ["--control", address.control_url, "--control-token-file", str(address.token_file)]
    if role == "wos":
        command += ["--url", address.wos_url, "--credentials", str(credentials)]
        command += [] if "--workers" in options else ["--workers", "1"]
    if address.identity_url:
        command += ["--identity-service", address.identity_url, "--identity-anchors", str(folder / ANCHORS)]
    if address.identity_url or role == "agent":
        command += [word for feature in CLAIMED[role] for word in ("--feature", feature)]
    told = folder / "told"
    with told.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            code: int | None = process.wait(deadline)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = None
    return Done(code, told.read_text("utf-8", "replace"))
