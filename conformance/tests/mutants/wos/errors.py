"""Sins of a WOS around errors."""

from typing import Any

from mutants.catalogue import WOS, Patch
from wos_reference.wos import interface, problem


@WOS.against("errors.problem-media-type")
def sends_errors_as_plain_json(patch: Patch) -> None:
    """Errors are JSON of no particular kind (D11, D45)."""
    patch(problem, "MEDIA_TYPE", "application/json")


@WOS.against("errors.type-registered")
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
