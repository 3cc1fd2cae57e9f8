"""A pair per role that tells whether the proof itself works: one mutant must die, and its twin must live."""

from functools import partial

from mutants.catalogue import Catalogue, Mutant, Patch, Role
from wos_reference.agent import outbox
from wos_reference.wos import interface

MUST_DIE, MUST_LIVE = "must_die", "must_live"


def _tag(suffix: bytes, patch: Patch) -> None:
    headers = interface.manifest_headers
    patch(interface, "manifest_headers", lambda content: headers(content + suffix))


def _report(prefix: str, patch: Patch) -> None:
    path = outbox.status_path
    patch(outbox, "status_path", lambda deployment_id: prefix + path(deployment_id))


def _pair(requirement: str, consequences: frozenset[str] = frozenset(), **sins: partial[None]) -> Catalogue:
    return Catalogue({name: Mutant(name, requirement, sin, consequences) for name, sin in sins.items()})


CONTROLS: dict[Role, Catalogue] = {
    "wos": _pair(
        "desired-state.etag-is-digest",
        frozenset({"desired-state.coding-digest"}),
        must_die=partial(_tag, b"\n"),
        must_live=partial(_tag, b""),
    ),
    "agent": _pair("status.installed-reported", must_die=partial(_report, "/lost"), must_live=partial(_report, "")),
}
