"""Sins of a WOS around errors."""

from typing import Any

from starlette.responses import PlainTextResponse, Response

from mutants.catalogue import WOS, Patch
from wos_reference.wos import body, interface, problem
from wos_reference.wos.connection import AgentConnection
from wos_reference.wos.interface import Interface


@WOS.against("errors.problem-media-type")
def sends_errors_as_plain_json(patch: Patch) -> None:
    """Errors are JSON of no particular kind (D11, D45)."""
    patch(problem, "MEDIA_TYPE", "application/json")


@WOS.against(
    "errors.type-registered",
    consequences=(
        "capabilities.delete-unknown-404",
        "capabilities.invalid-422",
        "capabilities.malformed-400",
        "capabilities.path-mismatch-422",
        "desired-state.bundle-unknown-404",
        "desired-state.document-unknown-404",
        "status.invalid-422",
        "status.malformed-400",
        "status.unknown-deployment-404",
    ),
)
def uses_types_of_another_registry(patch: Patch) -> None:
    """Writes the URI of a problem type with a slash."""
    patch(problem, "BASE", "https://docs.margo.org/specification/problem-types/")


@WOS.against("errors.transient-retry-after")
def does_not_say_when(patch: Patch) -> None:
    """Sends 503 without `Retry-After`."""
    patch(problem, "retry_headers", dict)


@WOS.against("errors.transient-members")
def says_that_nothing_passes(patch: Patch) -> None:
    """Sends 503 as if it were for ever."""
    patch(problem, "transient", problem.permanent)


@WOS.against("errors.permanent-not-retryable")
def promises_better_answers(patch: Patch) -> None:
    """Sends 404 and 422 as if they would pass."""
    patch(problem, "permanent", problem.transient)


@WOS.against("errors.no-server-error")
def stumbles_over_deep_nesting(patch: Patch) -> None:
    """A body that is nested deeply ends in a server error."""
    body = interface.json_body

    async def shallow(request: Any) -> Any:
        if b"[" * 1000 in await request.body():
            raise problem.Refusal(problem.transient_problem(500))
        return await body(request)

    patch(interface, "json_body", shallow)


@WOS.against("errors.method-405")
def knows_no_methods(patch: Patch) -> None:
    """A method that a path does not have is not found."""
    plain = interface.plain_problem
    patch(interface, "plain_problem", lambda status, *rest: plain(404 if status == 405 else status, *rest))


def _with_members(patch: Patch, change: Any) -> None:
    answer = problem._answer
    patch(problem, "_answer", lambda members, headers=None: answer(change(members), headers))


@WOS.against("errors.problem-valid")
def says_no_without_a_title(patch: Patch) -> None:
    """Leaves a required member out of its problem documents."""
    _with_members(patch, lambda members: {name: members[name] for name in members if name != "title"})


@WOS.against("errors.no-internals")
def shows_what_went_on_inside(patch: Patch) -> None:
    """Sends a trace with each error."""
    trace = 'Traceback (most recent call last):\n  File "/srv/wos/interface.py", line 70, in serve\nKeyError: 0'
    _with_members(patch, lambda members: members | {"detail": trace})


@WOS.against("errors.media-type-415")
def reads_anything_as_json(patch: Patch) -> None:
    """Does not look at the content type of a body."""
    patch(body, "parse_options_header", lambda value: (body.JSON_TYPE, {}))


@WOS.against("errors.size-accepted", consequences=("capabilities.valid-accepted",))
def has_a_small_mailbox(patch: Patch) -> None:
    """Takes 64 KiB at most."""
    patch(body, "BODY_AT_MOST", 64 << 10)


@WOS.against("errors.status-repeated")
def tells_another_status_inside(patch: Patch) -> None:
    """Writes 400 into every problem document, whatever it answers."""
    answer = problem._answer

    def changed(members: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
        real, told = answer(members, headers), answer(members | {"status": 400}, headers)
        told.status_code = real.status_code
        return told

    patch(problem, "_answer", changed)


@WOS.against("errors.problem-media-type", consequences=("errors.problem-valid",))
def says_in_plain_text_what_is_too_large(patch: Patch) -> None:
    """Answers a body that is too large as a proxy in front of it would."""
    patch(body, "plain_problem", lambda status, **_: PlainTextResponse("Payload Too Large", status))


def _at_long_heads(patch: Patch, least: int, answer: Any) -> None:
    """Answer otherwise where the fields of a head have this many bytes."""
    serve = Interface.serve

    async def measured(self: Interface, request: Any) -> Response:
        length = sum(len(name) + len(value) for name, value in request.headers.raw)
        found: Response = answer() if length > least else await serve(self, request)
        return found

    patch(Interface, "serve", measured)


@WOS.against("errors.head-accepted")
def has_a_narrow_door(patch: Patch) -> None:
    """Takes heads of 4 KiB at most."""
    _at_long_heads(patch, 4 << 10, lambda: problem.plain_problem(431))


@WOS.against("errors.long-head-answered")
def takes_a_long_head_for_a_long_body(patch: Patch) -> None:
    """Says 413 to a head of more than 8 KiB."""
    _at_long_heads(patch, 8 << 10, lambda: problem.plain_problem(413))


@WOS.against("errors.long-head-survived")
def falls_over_a_long_head(patch: Patch) -> None:
    """Hangs up on whoever comes next."""
    made, owed = AgentConnection.connection_made, [0]

    def stumble() -> Response:
        owed[0] = 2
        return problem.plain_problem(431)

    def hang_up(self: AgentConnection, transport: Any) -> None:
        made(self, transport)
        if owed[0]:
            owed[0] -= 1
            transport.close()

    _at_long_heads(patch, 8 << 10, stumble)
    patch(AgentConnection, "connection_made", hang_up)
