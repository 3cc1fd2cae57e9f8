"""The command `reference-wos`: serving, and what an operator does with a WOS that serves."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import msgspec
from sqlalchemy.exc import SQLAlchemyError

from wos_reference.wos.configuration import Configuration
from wos_reference.wos.log import log_as_json
from wos_reference.wos.migration import DatabaseTooNew
from wos_reference.wos.operation import Operation, Refused
from wos_reference.wos.page import age
from wos_reference.wos.server import serve as serve_forever

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class _Commands(click.Group):
    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except Refused as refused:
            raise click.ClickException(str(refused)) from refused


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--url", envvar="REFERENCE_WOS_URL", default="http://127.0.0.1:8081", show_default=True)
@click.option("--token-file", type=_FILE, envvar="REFERENCE_WOS_TOKEN_FILE", help="Token of the operator's listener.")
@click.pass_context
def main(context: click.Context, url: str, token_file: Path | None) -> None:
    """The reference WOS: for reading and for trying."""
    token = token_file.read_text("ascii").strip() if token_file else ""
    context.obj = context.with_resource(Operation(url, token))


@main.command()
@click.option("--config", "path", required=True, type=_FILE)
def serve(path: Path) -> None:
    """Serve agents and the operator until SIGTERM."""
    try:
        configuration = Configuration.read(path)
        log_as_json(configuration.log_level)
        serve_forever(configuration)
    except (OSError, ValueError, msgspec.MsgspecError, SQLAlchemyError, DatabaseTooNew) as error:
        raise click.ClickException(f"{path}: {error}") from error


@main.command()
@click.argument("client")
@click.option("--approval", is_flag=True, help="An enrolment waits for `approve`.")
@click.option("--factory-certificate", type=_FILE, help="What the device enrols with (PEM), instead of a code.")
@click.pass_obj
def admit(wos: Operation, client: str, approval: bool, factory_certificate: Path | None) -> None:
    """Accept a CLIENT by its SPIFFE id; prints a one-time code if there is an identity service."""
    pem = factory_certificate.read_text("ascii") if factory_certificate else None
    answer = wos.do("admit", spiffeId=client, approval=approval, factoryCertificatePem=pem)
    if "enrolmentCode" in answer:
        click.echo(answer["enrolmentCode"])


@main.command()
@click.argument("client")
@click.pass_obj
def approve(wos: Operation, client: str) -> None:
    """Approve the enrolment of a CLIENT that waits."""
    wos.do("approve", spiffeId=client)


@main.command()
@click.argument("path", metavar="FILE", type=_FILE)
@click.pass_obj
def rotate_trust(wos: Operation, path: Path) -> None:
    """Put the roots in a FILE (PEM) in force, and no others."""
    wos.do("rotate_trust", trustBundlePem=path.read_text("ascii"))


@main.command()
@click.argument("client")
@click.pass_obj
def retire(wos: Operation, client: str) -> None:
    """Accept a CLIENT no longer."""
    wos.do("retire", spiffeId=client)


@main.command()
@click.argument("path", metavar="FILE", type=_FILE)
@click.pass_obj
def import_application(wos: Operation, path: Path) -> None:
    """Keep the application description in a FILE (YAML or JSON)."""
    click.echo(wos.import_application(path)["id"])


@main.command()
@click.argument("client")
@click.argument("application")
@click.option("--profile", required=True, help="Id of a deployment profile.")
@click.option("--version", help="Version of the application, if several were imported.")
@click.option("--device", help="Device of the client; without it, the first one that fits.")
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="VALUE is JSON, or else a text.")
@click.pass_obj
def assign(
    wos: Operation,
    client: str,
    application: str,
    profile: str,
    version: str | None,
    device: str | None,
    parameters: tuple[str, ...],
) -> None:
    """Assign an APPLICATION that was imported to a CLIENT."""
    description = wos.application(application, version)
    values = dict(_parameter(text) for text in parameters)
    answer = wos.do(
        "assign", spiffeId=client, deviceId=device, application=description, profileId=profile, parameters=values
    )
    if "advice" in answer:
        click.echo(f"advice: {answer['advice']}", err=True)
    click.echo(answer["deploymentId"])


@main.command()
@click.argument("deployment")
@click.pass_obj
def withdraw(wos: Operation, deployment: str) -> None:
    """Take a DEPLOYMENT out of the desired state."""
    wos.do("withdraw", deploymentId=deployment)


@main.command()
@click.pass_obj
def devices(wos: Operation) -> None:
    """List devices and when they announced themselves."""
    now = int(time.time())
    rows = [
        (client["spiffe_id"], device["device_id"], age(device["announced_at"], now))
        for client in wos.overview()
        for device in client["devices"]
    ]
    _print(("CLIENT", "DEVICE", "ANNOUNCED"), rows)


@main.command()
@click.pass_obj
def deployments(wos: Operation) -> None:
    """List deployments with the version that was adopted and the one that is wanted."""
    rows = [
        (
            line["deployment_id"],
            line["application"],
            line["device_id"],
            line["state"],
            "-" if line["adopted"] is None else line["adopted"],
            "withdrawn" if line["withdrawn"] else line["target"],
        )
        for client in wos.overview()
        for line in client["deployments"]
    ]
    _print(("DEPLOYMENT", "APPLICATION", "DEVICE", "STATE", "ADOPTED", "TARGET"), rows)


@main.command()
@click.pass_obj
def status(wos: Operation) -> None:
    """List clients, their manifest versions and when they asked last."""
    now = int(time.time())
    rows = [
        (
            client["spiffe_id"],
            "admitted" if client["admitted"] else "retired",
            client["version"],
            age(client["seen_at"], now),
        )
        for client in wos.overview()
    ]
    _print(("CLIENT", "POLICY", "VERSION", "ASKED"), rows)


def _parameter(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _print(heads: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    table = [heads, *(tuple(map(str, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
