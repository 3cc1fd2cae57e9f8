"""What can happen in a run. Each event is one line of `history.ndjson`, or of a file beside it when several workers
drove at once; bodies lie beside it as blobs."""

from typing import Any, Literal

import msgspec

FIRST_PREV = "0" * 64
SEQ_OF_WORKER = 1_000_000
"""So far apart are the numbers of the events that two workers write."""
CUT_SHORT = ("reset by peer", "broken pipe", "unexpected_eof", "eof occurred")
"""How libraries tell that a connection ended under a handshake without an alert."""


class Body(msgspec.Struct, frozen=True):
    """The content of a message: digest and length of all of it, and the blob that holds the stored beginning."""

    digest: str
    length: int
    stored: int
    blob: str


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request or a response.

    `head` is the start line and the headers up to the blank line, each byte as one Latin-1 character.
    `body` is the content after transfer codings (not content codings) are undone; None when there is none.
    """

    head: str
    body: Body | None = None


class Credential(msgspec.Struct, frozen=True, omit_defaults=True):
    """What our side presented: a name for it, its SPIFFE id, and its one flaw if it has any."""

    name: str
    spiffe_id: str | None = None
    flaw: str | None = None


class Document(msgspec.Struct, frozen=True):
    """One document of a publication: the digest that the manifest states, and the bytes that are served."""

    digest: str
    body: Body


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """`seq` counts from the beginning of the file, whose first number is `worker` times `SEQ_OF_WORKER`.

    `at` is seconds since the run began; `prev` is the SHA-256 of the line before.
    """

    seq: int
    at: float
    prev: str


class Header(Event, tag="header", frozen=True, kw_only=True):
    """What was run against what; `declared` is in seconds; `diagnostic` says why this run is no claim.

    `roots` are the SHA-256 digests, in hexadecimal digits, of the certificates in the first trust bundle.
    """

    run: str
    role: Literal["wos", "agent"]
    specification: str
    specification_digest: str
    suite: str
    suite_digest: str
    seed: int
    depth: str
    level: int
    target: str
    started: str
    trust_domain: str
    wos_id: str
    roots: list[str] = []
    features: list[str] = []
    declared: dict[str, float] = {}
    diagnostic: list[str] = []


class Mark(Event, tag="mark", frozen=True, kw_only=True):
    """A scenario, an example of a property, or an attempt begins or ends.

    `twin` is the `seq` of the exchange from which an attempt differs in one thing.
    """

    what: Literal["scenario", "example", "attempt"]
    phase: Literal["begin", "end"]
    name: str
    title: str = ""
    requirements: list[str] = []
    twin: int | None = None
    outcome: str = ""
    reason: str = ""


class Connection(Event, tag="connection", frozen=True, kw_only=True):
    """Somebody dialled: we (`suite`) or the target. `peer` is the chain that the target showed, leaf first, in DER.

    `session` says of one that was to resume an earlier session whether that was `offered`, really `resumed`, or `none`.
    """

    connection: str
    by: Literal["suite", "target"]
    credential: Credential
    outcome: Literal["established", "refused", "handshake-failed", "timeout"]
    tls_version: str | None = None
    cipher: str | None = None
    peer: list[Body] = []
    failure: str | None = None
    session: str = ""

    @property
    def is_break(self) -> bool:
        """Whether the connection broke under the handshake, without an alert."""
        told = (self.failure or "").lower()
        return self.outcome == "handshake-failed" and any(sign in told for sign in CUT_SHORT)


class Closed(Event, tag="closed", frozen=True, kw_only=True):
    """A connection ended; bytes of application data as our side counted them."""

    connection: str
    sent: int
    received: int
    reason: str = ""

    @property
    def is_break(self) -> bool:
        """Whether the connection broke, as the operating system told our side."""
        return self.reason.partition(":")[0] in ("ConnectionResetError", "BrokenPipeError", "ConnectionAbortedError")


class Exchange(Event, tag="exchange", frozen=True, kw_only=True):
    """A request and what came of it. `answered` names the scripted answer when it was not the right one.

    `repeats` is the `seq` of the exchange, or of the connection, that broke so that it had to be sent again.
    """

    connection: str
    client: str
    request: Message
    response: Message | None
    started: float
    ended: float
    failure: str | None = None
    answered: str | None = None
    repeats: int | None = None


class Publication(Event, tag="publication", frozen=True, kw_only=True):
    """What the double serves to a client from now on; `defect` says why it must not be adopted.

    `hopeless` says why a deployment of it cannot run although the manifest is to be adopted, by deployment id.
    """

    client: str
    version: int
    etag: str
    manifest: Body
    bundle: Body | None
    documents: dict[str, Document]
    defect: str | None = None
    note: str = ""
    hopeless: dict[str, str] = {}


class Fault(Event, tag="fault", frozen=True, kw_only=True):
    """Scripted misbehaviour begins or ends; `subject` is the operation that it hits."""

    name: str
    phase: Literal["begin", "end"]
    subject: str
    detail: dict[str, str | int | float] = {}


class Reset(Event, tag="reset", frozen=True, kw_only=True):
    """The relay on the path reset a connection after so many bytes. On real paths nobody tells, so no judge looks."""

    relay: str
    number: int
    passed: int


class Control(Event, tag="control", frozen=True, kw_only=True):
    """A verb of the test control, with secrets struck out."""

    verb: str
    request: dict[str, Any]
    response: dict[str, Any] | None
    outcome: Literal["done", "unsupported", "refused", "failed"]
    started: float
    ended: float
    failure: str | None = None


class Deadline(Event, tag="deadline", frozen=True, kw_only=True):
    """A wait ended: `met`, or the `bound` in seconds has passed. `subject` is the `seq` that began it."""

    what: str
    bound: float
    subject: int
    met: bool


class Remark(Event, tag="remark", frozen=True, kw_only=True):
    """A fault that the tool which made a request finds in the answer: for whoever reads the report; no judge looks.

    `subject` is the `seq` of the exchange.
    """

    by: str
    operation: str
    fault: str
    told: str
    subject: int


class Footer(Event, tag="footer", frozen=True, kw_only=True):
    """The end of a run, or of what one worker did in it; `errors` are faults of the harness: every verdict is doubtful.

    `others` are the SHA-256 digests of the last lines of the other workers, in order, in the footer of worker 0.
    """

    complete: bool
    scenarios: int
    errors: list[str] = []
    others: list[str] = []


AnyEvent = (
    Header | Mark | Connection | Closed | Exchange | Publication | Fault | Reset | Control | Deadline | Remark | Footer
)

_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode(event: AnyEvent) -> bytes:
    """The line of an event, without its newline."""
    return _ENCODER.encode(event)


def decode(line: bytes) -> AnyEvent:
    """The event of a line.

    Raises:
        msgspec.MsgspecError: the line is no event.
    """
    return _DECODER.decode(line)
