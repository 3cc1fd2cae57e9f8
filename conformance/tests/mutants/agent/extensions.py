"""Sins of an agent around extensions."""

from typing import Any

from mutants.catalogue import AGENT, Patch
from wos_reference.agent import document


@AGENT.against("extensions.unknown-ignored", consequences=("desired-state.converges", "status.installed-reported"))
def fears_extensions(patch: Patch) -> None:
    """Refuses a document with an extension that it does not know."""
    load = document._load

    def strict(body: bytes) -> Any:
        if b"x-" in body and b"-extensions" in body:
            raise document.DocumentError("an extension is unknown")
        return load(body)

    patch(document, "_load", strict)
