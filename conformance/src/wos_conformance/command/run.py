"""`wos-conformance run`: drive a target and judge what it does."""

import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from wos_conformance.command import check, configuration
from wos_conformance.command.argument import RequirementId, could_not_judge
from wos_conformance.command.briefing import briefing
from wos_conformance.history import HistoryDamaged
from wos_conformance.report import terminal
from wos_conformance.run import execute
from wos_conformance.suite.settings import DEPTHS, PATIENCE, REQUEST_TIMEOUT, ControlSettings, DepthName, Role, Settings

_REPORTS = Path("reports/local")
_MOST_WORKERS = 4


def _common(command: click.decorators.FC) -> click.decorators.FC:
    options = [
        configuration.option,
        click.option(
            "--control",
            "control_url",
            metavar="URL",
            callback=check.checked_control,
            help="Test control of the target over HTTP.",
        ),
        click.option("--control-token-file", type=click.Path(exists=True, dir_okay=False), help="File with its token."),
        click.option(
            "--control-command",
            metavar="COMMAND",
            callback=check.checked_command,
            help="Test control as a command that takes a verb.",
        ),
        click.option(
            "--control-timeout",
            type=click.FloatRange(min=1),
            default=PATIENCE,
            show_default=True,
            help="Longest time until a verb is done, seconds.",
        ),
        click.option(
            "--time-budget",
            type=click.FloatRange(min=1),
            help="No scenario begins later, seconds; what is left out makes the run diagnostic.  [default: none]",
        ),
        click.option(
            "--depth",
            type=click.Choice(list(DEPTHS)),
            default="quick",
            show_default=True,
            help=f"How much is generated: {'; '.join(f'{name}: {depth}' for name, depth in DEPTHS.items())}.",
        ),
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
            callback=check.checked_features,
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
@click.option(
    "--url", required=True, metavar="URL", callback=check.checked_url, help="https URL of the WOS, without a path."
)
@click.option("--credentials", type=click.Path(exists=True, file_okay=False), help="Folder made by `init`.")
@click.option(
    "--trust-bundle",
    type=click.Path(exists=True, dir_okay=False),
    help="File with the trust bundle that is installed at the WOS.  [default: that of --credentials]",
)
@click.option(
    "--request-timeout",
    type=click.FloatRange(min=0.1),
    default=REQUEST_TIMEOUT,
    show_default=True,
    help="Longest wait for one answer, seconds.",
)
@click.option(
    "--identity-service",
    metavar="URL",
    callback=check.checked_url,
    help="https URL of the identity service, without a path.",
)
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
    trust_bundle: str | None,
    request_timeout: float,
    identity_service: str | None,
    identity_anchors: str | None,
    workers: int | None,
    **common: Any,
) -> None:
    """Visit a WOS and judge it."""
    check.dial(url, "start the WOS or correct --url")
    if (identity_service is None) != (identity_anchors is None):
        raise click.UsageError("--identity-service and --identity-anchors belong together")
    if identity_service is not None:
        check.dial(identity_service, "start the identity service or correct --identity-service")
    if credentials is None:
        raise click.UsageError("--credentials FOLDER is needed; make it with `wos-conformance init FOLDER`")
    identity: dict[str, Any] = {"identity_service": identity_service, "identity_anchors": identity_anchors}
    chosen = workers or (min(os.cpu_count() or 1, _MOST_WORKERS) if _is_controlled(common) else 1)
    if chosen > 1 and not _is_controlled(common):
        raise click.UsageError("--workers needs the test control: without it all scenarios share the pool of clients")
    roots = str(Path(trust_bundle).absolute()) if trust_bundle else None
    shown: dict[str, Any] = {"url": url, "credentials": credentials, "trust_bundle": roots, **identity}
    _conclude(_settings("wos", request_timeout=request_timeout, workers=chosen, **shown, **common))


def _is_controlled(common: dict[str, Any]) -> bool:
    return bool(common["control_url"] or common["control_command"])


@run.command("agent")
@click.option(
    "--poll-interval",
    type=click.FloatRange(min=0.02),
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
@click.option(
    "--further-control",
    "further_controls",
    multiple=True,
    metavar="URL",
    callback=check.checked_controls,
    help="Test control of one more such device, with the same token; scenarios are played on all of them at once.",
)
@click.option("--credentials", type=click.Path(exists=True, file_okay=False), help="Folder made by `init`.")
@click.option(
    "--listen",
    default="127.0.0.1:8443",
    show_default=True,
    metavar="HOST:PORT",
    callback=check.checked_address,
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
    further_controls: list[str],
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
    if further_controls and not common["control_url"]:
        raise click.UsageError("--further-control needs --control URL, which names the first device")
    for further in further_controls:
        check.dial(further, "start the test control or correct --further-control")
    declared = {
        "poll_interval": poll_interval,
        "request_timeout": request_timeout,
        "max_backoff": max_backoff,
        "apply_time": apply_time,
    }
    shown: dict[str, Any] = {"declared": declared, "credentials": None if is_controlled else credentials}
    workers = 1 + len(further_controls)
    settings = _settings("agent", further_controls=further_controls, workers=workers, **shown, **common)
    if not is_controlled:
        click.echo(briefing(settings))
    _conclude(settings)


def _settings(
    role: Role,
    *,
    control_url: str | None,
    control_token_file: str | None,
    control_command: list[str],
    control_timeout: float,
    time_budget: float | None,
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
    further_controls: list[str] | None = None,
    trust_bundle: str | None = None,
    request_timeout: float = REQUEST_TIMEOUT,
) -> Settings:
    control = None
    if control_url and control_command:
        raise click.UsageError("--control and --control-command exclude each other")
    if control_url or control_command:
        if control_url:
            check.dial(control_url, "start the test control or correct --control")
        folder = configuration.folder_of(click.get_current_context(), "control_command")
        control = ControlSettings(control_url, control_token_file, control_command or None, folder, control_timeout)
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
        trust_bundle=trust_bundle,
        request_timeout=request_timeout,
        time_budget=time_budget,
        workers=workers,
        further_controls=further_controls or [],
        shuffle=shuffle,
        shrink=shrink,
    )


def _conclude(settings: Settings) -> None:
    folder = Path(settings.folder)
    if (folder / "history.ndjson").exists():
        raise click.UsageError(f"{folder} holds a run already; choose another folder with --out")
    try:
        result = execute(settings)
    except HistoryDamaged as error:
        could_not_judge(f"{error}; the harness wrote {folder / 'harness.log'}")
    click.echo(terminal.summary(result, folder))
    if settings.role == "wos" and (
        told := terminal.surroundings(result, settings.url or "", settings.credentials or "")
    ):
        click.echo(told)
    sys.exit(result.exit_code)


WORD = run
