"""How a target is set up and looked at: by HTTP or by a command per verb (spec, openapi/test-control.yaml)."""

from pathlib import Path
from typing import Protocol

from wos_conformance.control.command import CommandTransport
from wos_conformance.control.contract import Control, ControlFailed, ControlRefused, ControlUnsupported, Transport
from wos_conformance.control.http import HttpTransport
from wos_conformance.history import Recorder

__all__ = ["Control", "ControlFailed", "ControlRefused", "ControlUnsupported", "Transport", "open_control"]


class _Settings(Protocol):
    @property
    def url(self) -> str | None: ...
    @property
    def token_file(self) -> str | None: ...
    @property
    def command(self) -> list[str] | None: ...
    @property
    def folder(self) -> str | None: ...
    @property
    def timeout(self) -> float: ...


def open_control(settings: _Settings, recorder: Recorder) -> Control:
    """The test control that these settings name.

    Raises:
        ControlFailed: the token cannot be read.
    """
    if settings.command:
        return Control(CommandTransport(settings.command, settings.folder), recorder, settings.timeout)
    token = ""
    if settings.token_file:
        try:
            token = Path(settings.token_file).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ControlFailed(f"the token in {settings.token_file} cannot be read: {error}") from error
        recorder.redact(token.encode())
    assert settings.url is not None
    return Control(HttpTransport(settings.url, token), recorder, settings.timeout)
