"""Sins of a WOS around extensions."""

import re
from typing import Any

from mutants.catalogue import WOS, Patch
from mutants.wos.deployment import with_document
from wos_reference.wos import artifact, interface, problem
from wos_reference.wos.problem import Refusal


@WOS.against("extensions.device-extensions-copied")
def keeps_extensions_to_itself(patch: Patch) -> None:
    """Leaves the extensions of a profile out of the document."""
    patch(artifact, "_EXTENSION", re.compile("(?!)"))


@WOS.against("extensions.root-extensions-withheld")
def passes_everything_on(patch: Patch) -> None:
    """Copies the extensions that are not for devices."""

    def copy(content: dict[str, Any], deployment: Any) -> None:
        root = deployment.application
        content["spec"] |= {name: root[name] for name in root if name.startswith("x-")}

    with_document(patch, copy)


@WOS.against("extensions.unknown-members-accepted", consequences=("status.valid-accepted",))
def fears_the_unknown(patch: Patch) -> None:
    """Refuses a report with members of tomorrow."""
    checked = interface.checked
    known = {"apiVersion", "kind", "deploymentId", "adoptedManifestVersion", "status", "components"}

    def strict(name: str, value: Any) -> Any:
        if name == "deployment-status" and checked(name, value).keys() - known:
            raise Refusal(problem.problem("semantic-error"))
        return checked(name, value)

    patch(interface, "checked", strict)


@WOS.against("extensions.unknown-major-404")
def answers_in_every_version(patch: Patch) -> None:
    """Takes a major version that it does not have for its own."""
    routes = [(re.compile(p.pattern.replace("/v1/", "/v[0-9]+/")), methods) for p, methods in interface.ROUTES]
    patch(interface, "ROUTES", routes)
