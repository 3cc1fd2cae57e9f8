"""The one shape in which a broken rule is told, and the one place that makes it."""

import re
import shlex
from textwrap import TextWrapper

from wos_conformance.history import Credential, Exchange, History, Message
from wos_conformance.judges import Judgement
from wos_conformance.requirement import Requirement

_WIDTH = 80
_MOST_BODY_SHOWN = 200
_GOES_ON = " \\"
_OF_CONNECTION = {"host", "content-length", "connection", "user-agent"}


def failure_text(requirement: Requirement, judgement: Judgement, history: History) -> str:
    """Tell what was done, expected and received, and how to see it again; lines of at most 80 columns."""
    event = f"(event {judgement.event})"
    lines = [
        f"{requirement.id} ({requirement.keyword}) — spec/v{history.header.specification}/{requirement.chapter}",
        *_field("did", judgement.did),
        *_field("expected", judgement.expected),
        *_field("received", f"{judgement.received}  {event}"),
        *_command("replay", _replay(requirement, history)),
        *_command("curl", curl(history, judgement.event)),
    ]
    return "\n".join(lines)


def _field(name: str, text: str) -> list[str]:
    wrapper = TextWrapper(
        width=_WIDTH, initial_indent=f"  {name:<10}", subsequent_indent=" " * 12, break_on_hyphens=False
    )
    return wrapper.wrap(text) or [f"  {name}"]


def _command(name: str, words: list[str]) -> list[str]:
    """A command, which can be copied as it stands: a line that goes on ends with a backslash."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= _WIDTH - len(_GOES_ON):
            lines[-1] += f" {word}"
        else:
            lines.append((" " * 12 if lines else f"  {name:<10}") + word)
    return [line + _GOES_ON for line in lines[:-1]] + lines[-1:]


def _replay(requirement: Requirement, history: History) -> list[str]:
    header = history.header
    return [
        *(f"wos-conformance run {header.role}", f"--only {requirement.id}"),
        *(f"--seed {header.seed}", f"--depth {header.depth}"),
    ]


def curl(history: History, seq: int) -> list[str]:
    """The request of an exchange that we sent, as the words of a ``curl`` command; none when it is no such exchange.

    `$WOS` is the URL of the WOS and `$CREDENTIALS` the folder of the credentials; the run folder is the current one.
    """
    event = history.event(seq)
    if not isinstance(event, Exchange) or history.header.role != "wos":
        return []
    method, target, headers = _request(event.request)
    words = ["curl --insecure --path-as-is --http1.1 --include", f"--request {shlex.quote(method)}"]
    if shown := history.credential(event.connection):
        words += _shown(shown)
    for name, value in headers:
        if name.lower() not in _OF_CONNECTION:
            words.append(f"--header {shlex.quote(f'{name}: {value}')}")
    if event.request.body is not None:
        words.append(f"--data-binary {shlex.quote(_body_argument(history, event.request))}")
    place = "$WOS" if shown is None or shown.name in (shown.flaw, "good") else "$IDENTITY_SERVICE"
    return [*words, f'"{place}"{shlex.quote(target)}']


def _shown(credential: Credential) -> list[str]:
    """The options for what was shown; nothing for somebody without a certificate."""
    if not credential.spiffe_id and credential.flaw in (None, "none"):
        return []
    place = f'"$CREDENTIALS"/replay/{replay_name(credential)}'
    return [f"--cert {place}.pem", f"--key {place}-key.pem"]


def replay_name(credential: Credential) -> str:
    """The name of the files in which a credential is kept for whoever repeats an exchange."""
    client = re.sub(r"[^A-Za-z0-9._-]", "-", (credential.spiffe_id or "").rpartition("/")[2])
    return "-".join(part for part in (client, credential.flaw) if part)


def _request(message: Message) -> tuple[str, str, list[tuple[str, str]]]:
    start, *rest = message.head.split("\r\n")
    method, _, remainder = start.partition(" ")
    headers = [(name, value.strip()) for name, colon, value in (line.partition(":") for line in rest) if colon]
    return method, remainder.rpartition(" ")[0], headers


def _body_argument(history: History, message: Message) -> str:
    assert message.body is not None
    body = history.body(message.body)
    if len(body) > _MOST_BODY_SHOWN or not body.isascii() or b"\0" in body:
        return f"@blobs/{message.body.blob}"
    return body.decode("ascii")
