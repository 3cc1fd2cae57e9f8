"""The one shape in which a broken rule is told, and the one place that makes it."""

import shlex
from textwrap import TextWrapper

from wos_conformance.history import Exchange, History, Message
from wos_conformance.judges import Judgement
from wos_conformance.requirement import Requirement

_WIDTH = 80
_MOST_BODY_SHOWN = 200


def failure_text(requirement: Requirement, judgement: Judgement, history: History) -> str:
    """Tell what was done, expected and received, and how to see it again; lines of at most 80 columns."""
    event = f"(event {judgement.event})"
    lines = [
        f"{requirement.id} ({requirement.keyword}) — spec/v{history.header.specification}/{requirement.chapter}",
        *_field("did", judgement.did),
        *_field("expected", judgement.expected),
        *_field("received", f"{judgement.received}  {event}"),
        *_field("replay", _replay(requirement, history)),
    ]
    curl = curl_line(history, judgement.event)
    return "\n".join([*lines, *([f"  curl      {curl}"] if curl else [])])


def _field(name: str, text: str) -> list[str]:
    wrapper = TextWrapper(
        width=_WIDTH, initial_indent=f"  {name:<10}", subsequent_indent=" " * 12, break_on_hyphens=False
    )
    return wrapper.wrap(text) or [f"  {name}"]


def _replay(requirement: Requirement, history: History) -> str:
    header = history.header
    return f"wos-conformance run {header.role} --only {requirement.id} --seed {header.seed} --depth {header.depth}"


def curl_line(history: History, seq: int) -> str | None:
    """The request of an exchange that we sent, as a ``curl`` command; None when the event is not such an exchange."""
    event = history.event(seq)
    if not isinstance(event, Exchange) or history.header.role != "wos":
        return None
    method, target, headers = _request(event.request)
    arguments = ["curl", "--insecure", "--path-as-is", "--http1.1", "-i", "-X", method]
    if event.client:
        arguments += ["--cert", "svid.pem", "--key", "key.pem"]
    for name, value in headers:
        if name.lower() not in {"host", "content-length", "connection", "user-agent"}:
            arguments += ["-H", f"{name}: {value}"]
    if event.request.body is not None:
        arguments += ["--data-binary", _body_argument(history, event.request)]
    return shlex.join([*arguments, f"$WOS{target}"]).replace("'$WOS", "$WOS'") if target else None


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
