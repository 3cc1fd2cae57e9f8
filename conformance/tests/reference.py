"""The reference WOS and agent as real processes, for the suite's own tests, for certification and for mutants."""

import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

WOS = (sys.executable, "-m", "wos_reference.wos")
AGENT = (sys.executable, "-m", "wos_reference.agent")
_READY_WITHIN = 20.0
_GONE_WITHIN = 5.0


class Address(NamedTuple):
    """Where a process is reached; `wos_url` is empty for an agent, `identity_url` without an identity service."""

    wos_url: str
    control_url: str
    token_file: Path
    identity_url: str = ""


@contextmanager
def running_wos(
    folder: Path, credentials: Path, command: Sequence[str] = WOS, settings: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[Address]:
    """A WOS which trusts the given credentials; its database lies in `folder` unless the settings say otherwise."""
    token_file, ready_file = _token(folder), folder / "ready.json"
    configuration = {
        "listen": "127.0.0.1:0",
        "operator_listen": "127.0.0.1:0",
        "svid": str(credentials / "wos.pem"),
        "key": str(credentials / "wos-key.pem"),
        "trust_bundle": str(credentials / "trust-bundle.pem"),
        "operator_token_file": str(token_file),
        "database": f"sqlite:///{folder / 'wos.sqlite3'}",
        "ready_file": str(ready_file),
        **settings,
    }
    (folder / "wos.yaml").write_text(json.dumps(configuration), "utf-8")
    with _process([*command, "serve", "--config", str(folder / "wos.yaml")], folder, ready_file) as ready:
        yield Address(ready["wosUrl"], ready["controlUrl"], token_file, ready.get("identityUrl", ""))


@contextmanager
def running_agent(folder: Path, supervisor: Sequence[str] = AGENT, token_file: Path | None = None) -> Iterator[Address]:
    """The supervisor of an agent; the agent itself is started through the test control."""
    token_file, ready_file = token_file or _token(folder), folder / "ready.json"
    folder.mkdir(parents=True, exist_ok=True)
    command = [*supervisor, "test-control", "--listen", "127.0.0.1:0", "--token-file", str(token_file)]
    command += ["--folder", str(folder / "agent"), "--ready-file", str(ready_file)]
    with _process(command, folder, ready_file) as ready:
        yield Address("", ready["url"], token_file)


def _token(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "token"
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(16), "ascii")
    return path


@contextmanager
def _process(command: Sequence[str], folder: Path, ready_file: Path) -> Iterator[dict[str, str]]:
    log = folder / "log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield _ready(process, ready_file, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_GONE_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()


def _ready(process: "subprocess.Popen[bytes]", ready_file: Path, log: Path) -> dict[str, str]:
    deadline = time.monotonic() + _READY_WITHIN
    while not ready_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args} did not become ready: {log.read_text('utf-8')[-2000:]}")
        time.sleep(0.01)
    facts: dict[str, str] = json.loads(ready_file.read_bytes())
    return facts
