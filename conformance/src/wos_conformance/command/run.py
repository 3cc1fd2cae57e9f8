"""`wos-conformance run`: drive a target and judge what it does."""

import os
import secrets
import shlex
import shutil
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from wos_conformance.command.argument import RequirementId, could_not_judge
from wos_conformance.command.briefing import briefing
from wos_conformance.history import HistoryDamaged
from wos_conformance.report import terminal
from wos_conformance.run import execute
from wos_conformance.specification import Specification
from wos_conformance.suite.settings import DEPTHS, ControlSettings, DepthName, Role, Settings

_REPORTS = Path("reports/local")
_MOST_WORKERS = 4


def _checked_features(context: click.Context, _: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    """Features that the role can claim, each once.

    Raises:
        click.BadParameter: there is no such feature, or the role cannot claim it.
    """
    role = context.info_name or ""
    allowed = [name for name, entry in Specification.load().features.items() if role in entry["roles"]]
    for name in names:
        if name not in allowed:
            raise click.BadParameter(f"{name!r} is no feature of the role {role}; there are {', '.join(allowed)}")
    return tuple(dict.fromkeys(names))


def _checked_address(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """A host and a port at which the suite can listen.

    Raises:
        click.BadParameter: the text is not HOST:PORT.
    """
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit():
        raise click.BadParameter(f"{value!r} is not HOST:PORT")
    return value


def _common(command: click.decorators.FC) -> click.decorators.FC:
    options = [
        click.option("--control", "control_url", metavar="URL", help="Test control of the target over HTTP."),
        click.option("--control-token-file", type=click.Path(exists=True, dir_okay=False), help="File with its token."),
        click.option("--control-command", metavar="COMMAND", help="Test control as a command that takes a verb."),
        click.option("--depth", type=click.Choice(list(DEPTHS)), default="quick", show_default=True),
        click.option("--seed", type=click.IntRange(min=0), help="Repeats a run.  [default: random]"),
        click.option(
            "--only",
            multiple=True,
            type=RequirementId(),
            help="Only the scenarios of this requirement; may be given again.",
        ),
        click.option(
            "--feature",
            "features",
            multiple=True,
            metavar="NAME",
            callback=_checked_features,
            help="An optional feature that the target claims; may be given again.",
        ),
        click.option(
            "--relay-seed",
            type=click.IntRange(min=0),
            help="Put a relay on the path, which delays and rarely resets; such a run is diagnostic.",
        ),
        click.option(
            "--shuffle", type=click.IntRange(min=0), metavar="SEED", help="Play the scenarios in another order."
        ),
        click.option("--shrink/--no-shrink", default=True, help="Make counterexamples small.", show_default=True),
        click.option("--target", default="unnamed", show_default=True, help="What the report calls the target."),
        click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Run folder."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def run() -> None:
    """Drive a target and judge what it does."""


@run.command("wos")
@click.option("--url", required=True, metavar="URL", help="https URL of the WOS, without a path.")
@click.option("--credentials", type=click.Path(exists=True, file_okay=False), help="Folder made by `init`.")
@click.option("--identity-service", metavar="URL", help="https URL of the identity service, without a path.")
@click.option(
    "--identity-anchors",
    type=click.Path(exists=True, dir_okay=False),
    help="File with the certificates, in PEM, to which that of the identity service chains.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 16),
    help="How many scenarios are played at once.  [default: one for each processor; 1 without test control]",
)
@_common
def run_wos(
    url: str,
    credentials: str | None,
    identity_service: str | None,
    identity_anchors: str | None,
    workers: int | None,
    **common: Any,
) -> None:
    """Visit a WOS and judge it."""
    _check_wos(url, "--url", "start the WOS or correct --url")
    if (identity_service is None) != (identity_anchors is None):
        raise click.UsageError("--identity-service and --identity-anchors belong together")
    if identity_service is not None:
        _check_wos(identity_service, "--identity-service", "start the identity service or correct --identity-service")
    if credentials is None:
        raise click.UsageError("--credentials FOLDER is needed; make it with `wos-conformance init FOLDER`")
    identity: dict[str, Any] = {"identity_service": identity_service, "identity_anchors": identity_anchors}
    chosen = workers or (min(os.cpu_count() or 1, _MOST_WORKERS) if _is_controlled(common) else 1)
    if chosen > 1 and not _is_controlled(common):
        raise click.UsageError("--workers needs the test control: without it all scenarios share the pool of clients")
    _conclude(_settings("wos", url=url, credentials=credentials, workers=chosen, **identity, **common))


def _is_controlled(common: dict[str, Any]) -> bool:
    return bool(common["control_url"] or common["control_command"])


@run.command("agent")
@click.option(
    "--poll-interval",
    type=click.FloatRange(min=0.05),
    default=5.0,
    show_default=True,
    help="Between an answer and the next poll, seconds.",
)
@click.option(
    "--request-timeout",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    help="Longest wait for one answer, seconds.",
)
@click.option(
    "--max-backoff",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    help="Longest pause after failures, seconds.",
)
@click.option(
    "--apply-time",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    help="Longest installation or removal, seconds.",
)
@click.option("--credentials", type=click.Path(exists=True, file_okay=False), help="Folder made by `init`.")
@click.option(
    "--listen",
    default="127.0.0.1:8443",
    show_default=True,
    metavar="HOST:PORT",
    callback=_checked_address,
    help="Where an agent without test control finds its WOS.",
)
@click.option(
    "--arrival",
    type=click.FloatRange(min=1),
    default=600.0,
    show_default=True,
    help="How long to wait for such an agent, seconds.",
)
@_common
def run_agent(
    poll_interval: float,
    request_timeout: float,
    max_backoff: float,
    apply_time: float,
    credentials: str | None,
    **common: Any,
) -> None:
    """Face an agent with a scripted WOS and judge it.

    Without test control the command tells a person how to set up the agent, and waits for it.
    """
    is_controlled = common["control_url"] or common["control_command"]
    if not is_controlled and credentials is None:
        raise click.UsageError(
            "an agent needs --control URL or --control-command COMMAND, so that it can be started, "
            "or --credentials FOLDER (made with `wos-conformance init FOLDER`), so that a person can install them"
        )
    declared = {
        "poll_interval": poll_interval,
        "request_timeout": request_timeout,
        "max_backoff": max_backoff,
        "apply_time": apply_time,
    }
    settings = _settings("agent", declared=declared, credentials=None if is_controlled else credentials, **common)
    if not is_controlled:
        click.echo(briefing(settings))
    _conclude(settings)


def _settings(
    role: Role,
    *,
    control_url: str | None,
    control_token_file: str | None,
    control_command: str | None,
    depth: DepthName,
    seed: int | None,
    only: tuple[str, ...],
    features: tuple[str, ...],
    relay_seed: int | None,
    shuffle: int | None,
    shrink: bool,
    target: str,
    out: Path | None,
    url: str | None = None,
    credentials: str | None = None,
    identity_service: str | None = None,
    identity_anchors: str | None = None,
    declared: dict[str, float] | None = None,
    listen: str = "127.0.0.1:8443",
    arrival: float = 600.0,
    workers: int = 1,
) -> Settings:
    control = None
    if control_url and control_command:
        raise click.UsageError("--control and --control-command exclude each other")
    if control_url or control_command:
        command = shlex.split(control_command or "")
        _check_control(control_url, command)
        control = ControlSettings(control_url, control_token_file, command or None)
    return Settings(
        role=role,
        folder=str((out or _REPORTS / f"{role}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}").absolute()),
        seed=secrets.randbelow(2**32) if seed is None else seed,
        depth=depth,
        target=target,
        url=url,
        credentials=str(Path(credentials).absolute()) if credentials else None,
        identity_service=identity_service,
        identity_anchors=str(Path(identity_anchors).absolute()) if identity_anchors else None,
        control=control,
        declared=declared or {},
        listen=listen,
        arrival=arrival,
        only=list(only),
        features=list(features),
        relay_seed=relay_seed,
        workers=workers,
        shuffle=shuffle,
        shrink=shrink,
    )


def _check_wos(url: str, option: str, remedy: str) -> None:
    """Refuse a URL that cannot be that of a WOS or its identity service, and end when nobody listens there."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/"):
        raise click.BadParameter(f"{url!r} is not https://HOST[:PORT] without a path", param_hint=option)
    _dial(url, parts.hostname, parts.port or 443, remedy)


def _check_control(url: str | None, command: list[str]) -> None:
    """Refuse a control that cannot be one, and end when nobody listens there."""
    if command and not shutil.which(command[0]):
        raise click.BadParameter(f"{command[0]!r} is no command that can be run", param_hint="--control-command")
    if url:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise click.BadParameter(f"{url!r} is not http://HOST[:PORT]", param_hint="--control")
        default = 443 if parts.scheme == "https" else 80
        _dial(url, parts.hostname, parts.port or default, "start the test control or correct --control")


def _dial(url: str, host: str, port: int, remedy: str) -> None:
    try:
        socket.create_connection((host, port), timeout=10).close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        could_not_judge(f"nobody answers at {url} ({reason}); {remedy}")


def _conclude(settings: Settings) -> None:
    folder = Path(settings.folder)
    if (folder / "history.ndjson").exists():
        raise click.UsageError(f"{folder} holds a run already; choose another folder with --out")
    try:
        result = execute(settings)
    except HistoryDamaged as error:
        could_not_judge(f"{error}; the harness wrote {folder / 'harness.log'}")
    click.echo(terminal.summary(result, folder))
    sys.exit(result.exit_code)


WORD = run
