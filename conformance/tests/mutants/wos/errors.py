"""Sins of a WOS around errors."""

from typing import Any

from starlette.responses import Response

from mutants.catalogue import WOS, Patch
from wos_reference.wos import body, interface, problem


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
