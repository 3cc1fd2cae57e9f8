"""The command `wos-conformance`: thin words over `run`, `report` and `specification`.

Exit codes: 0 conformant, 1 not conformant, 2 wrong usage, 3 could not judge.
"""

import json
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

import wos_conformance
from wos_conformance.drive.trust_domain import TrustDomain
from wos_conformance.history import HistoryDamaged
from wos_conformance.report import report, terminal
from wos_conformance.requirement import Requirement
from wos_conformance.run import execute
from wos_conformance.specification import Specification, SpecificationError
from wos_conformance.suite.settings import DEPTHS, ControlSettings, DepthName, Role, Settings

EXIT_COULD_NOT_JUDGE = 3
_REPORTS = Path("reports/local")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(wos_conformance.__version__, prog_name="wos-conformance")
def main() -> None:
    """Judge a WOS or an agent by the WOS-Agent specification."""


class RequirementId(click.ParamType[str]):
    """The id of a requirement; a wrong one is answered with the nearest right one."""

    name = "requirement"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that the specification has this id."""
        try:
            return Specification.load().requirement(value).id
        except SpecificationError as error:
            self.fail(str(error), param, ctx)


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
        click.option("--shrink/--no-shrink", default=True, help="Make counterexamples small.", show_default=True),
        click.option("--target", default="unnamed", show_default=True, help="What the report calls the target."),
        click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Run folder."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@main.group()
def run() -> None:
    """Drive a target and judge what it does."""


@run.command("wos")
@click.option("--url", required=True, metavar="URL", help="https URL of the WOS, without a path.")
@click.option("--credentials", type=click.Path(exists=True, file_okay=False), help="Folder made by `init`.")
@_common
def run_wos(url: str, credentials: str | None, **common: Any) -> None:
    """Visit a WOS and judge it."""
    _check_wos(url)
    if credentials is None:
        raise click.UsageError("--credentials FOLDER is needed; make it with `wos-conformance init FOLDER`")
    _conclude(_settings("wos", url=url, credentials=credentials, **common))


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
@_common
def run_agent(
    poll_interval: float, request_timeout: float, max_backoff: float, apply_time: float, **common: Any
) -> None:
    """Face an agent with a scripted WOS and judge it."""
    if not common["control_url"] and not common["control_command"]:
        raise click.UsageError("an agent needs --control URL or --control-command COMMAND, so that it can be started")
    declared = {
        "poll_interval": poll_interval,
        "request_timeout": request_timeout,
        "max_backoff": max_backoff,
        "apply_time": apply_time,
    }
    _conclude(_settings("agent", declared=declared, **common))


def _settings(
    role: Role,
    *,
    control_url: str | None,
    control_token_file: str | None,
    control_command: str | None,
    depth: DepthName,
    seed: int | None,
    only: tuple[str, ...],
    shrink: bool,
    target: str,
    out: Path | None,
    url: str | None = None,
    credentials: str | None = None,
    declared: dict[str, float] | None = None,
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
        control=control,
        declared=declared or {},
        only=list(only),
        shrink=shrink,
    )


def _check_wos(url: str) -> None:
    """Refuse a URL that cannot be that of a WOS, and end when nobody listens there."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/"):
        raise click.BadParameter(f"{url!r} is not https://HOST[:PORT] without a path", param_hint="--url")
    _dial(url, parts.hostname, parts.port or 443, "start the WOS or correct --url")


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
        click.echo(f"could not judge: nobody answers at {url} ({reason}); {remedy}", err=True)
        sys.exit(EXIT_COULD_NOT_JUDGE)


def _conclude(settings: Settings) -> None:
    folder = Path(settings.folder)
    if (folder / "history.ndjson").exists():
        raise click.UsageError(f"{folder} holds a run already; choose another folder with --out")
    try:
        result = execute(settings)
    except HistoryDamaged as error:
        click.echo(f"could not judge: {error}; the harness wrote {folder / 'harness.log'}", err=True)
        sys.exit(EXIT_COULD_NOT_JUDGE)
    click.echo(terminal.summary(result, folder))
    sys.exit(result.exit_code)


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def judge(folder: Path) -> None:
    """Judge the evidence of a run again, from its folder alone."""
    try:
        computed = report.compute(folder)
    except HistoryDamaged as error:
        click.echo(f"could not judge: {error}", err=True)
        sys.exit(EXIT_COULD_NOT_JUDGE)
    if found := report.differences(folder, computed):
        for sentence in found:
            click.echo(f"could not judge: {sentence}", err=True)
        sys.exit(EXIT_COULD_NOT_JUDGE)
    click.echo(terminal.summary(computed, folder))
    sys.exit(computed.exit_code)


@main.command("list")
@click.option("--role", type=click.Choice(["wos", "agent"]), help="Only this role.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def list_requirements(role: str | None, as_json: bool) -> None:
    """List the requirements."""
    rows = [r for r in Specification.load().requirements.values() if role in (None, r.role)]
    if as_json:
        click.echo(json.dumps([_facts(row) for row in rows], indent=1, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row.role:<6} {row.keyword:<10} {row.id}")


@main.command()
@click.argument("requirement", type=RequirementId())
def explain(requirement: str) -> None:
    """Say what a requirement asks and where it stands."""
    for name, value in _facts(Specification.load().requirements[requirement]).items():
        if value:
            click.echo(f"{name:<11} {', '.join(value) if isinstance(value, list) else value}")


def _facts(row: Requirement) -> dict[str, object]:
    return {
        "id": row.id,
        "role": row.role,
        "level": row.keyword,
        "sentence": row.sentence,
        "chapter": row.chapter,
        "origin": row.origin,
        "source": list(row.source),
        "needs": list(row.needs),
        "schema": row.schema,
        "contested": row.contested,
        "untestable": row.untestable,
    }


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--trust-domain", default="plant.example", show_default=True)
@click.option("--wos-id", default="main", show_default=True)
def init(folder: Path, trust_domain: str, wos_id: str) -> None:
    """Make a throw-away trust domain: a bundle and an SVID to install at the WOS, and a pool of agents."""
    if folder.exists() and any(folder.iterdir()):
        raise click.UsageError(f"{folder} is not empty; choose another folder")
    TrustDomain.create(trust_domain, wos_id).save(folder)
    click.echo(f"made {folder}: give the WOS wos.pem, wos-key.pem and trust-bundle.pem,")
    click.echo("and let it accept the clients listed in pool.json except `unlisted`")


if __name__ == "__main__":
    main()
