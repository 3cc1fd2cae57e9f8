"""What is looked at before a run begins: values of options, and whether anybody listens at an address."""

import os
import shlex
import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

import click

from wos_conformance.command import configuration
from wos_conformance.command.argument import could_not_judge
from wos_conformance.specification import Specification


def checked_features(context: click.Context, _: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
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


def checked_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """The URL of a WOS or its identity service.

    Raises:
        click.BadParameter: it cannot be one.
    """
    if value is not None:
        parts = urlsplit(value)
        if parts.scheme != "https" or not parts.hostname or parts.path.strip("/"):
            raise click.BadParameter(f"{value!r} is not https://HOST[:PORT] without a path")
    return value


def checked_control(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """The URL of a test control.

    Raises:
        click.BadParameter: it cannot be one.
    """
    if value is not None:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise click.BadParameter(f"{value!r} is not http://HOST[:PORT]")
    return value


def checked_controls(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> list[str]:
    """The URLs of several test controls, each of another device.

    Raises:
        click.BadParameter: one cannot be such a URL, or comes twice.
    """
    for value in values:
        checked_control(context, parameter, value)
        if values.count(value) > 1:
            raise click.BadParameter(f"{value!r} comes twice; each device has a test control of its own")
    return list(values)


def _found(program: str, folder: str) -> bool:
    return bool(shutil.which(program) or (os.sep in program and shutil.which(str(Path(folder) / program))))


def checked_command(context: click.Context, _parameter: click.Parameter, value: str | None) -> list[str]:
    """The words of a command that can be run.

    Raises:
        click.BadParameter: there is no such command.
    """
    try:
        words = shlex.split(value or "")
    except ValueError as error:
        raise click.BadParameter(f"{value!r} cannot be taken apart: {error}") from error
    if words and not _found(words[0], configuration.folder_of(context, "control_command") or ""):
        raise click.BadParameter(f"{words[0]!r} is no command that can be run")
    return words


def checked_address(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """A host and a port at which the suite can listen.

    Raises:
        click.BadParameter: the text is not HOST:PORT.
    """
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit():
        raise click.BadParameter(f"{value!r} is not HOST:PORT")
    return value


def dial(url: str, remedy: str) -> None:
    """End when nobody listens at the place of a URL."""
    parts = urlsplit(url)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=10).close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        could_not_judge(f"nobody answers at {url} ({reason}); {remedy}")
