"""Sins of an agent around deployment."""

from dataclasses import replace
from typing import Any

from mutants.catalogue import AGENT, Patch
from wos_reference.agent import device, document, reporter
from wos_reference.agent.device import Fleet
from wos_reference.agent.document import CoreLoader
from wos_reference.agent.runtime import WorkloadError


@AGENT.against("deployment.ambiguous-yaml-refused")
def follows_aliases(patch: Patch) -> None:
    """Reads a document that says one thing in two places."""
    patch(document, "_bound", lambda text: None)


@AGENT.against("deployment.ambiguous-yaml-refused")
def takes_the_last_of_two_keys(patch: Patch) -> None:
    """Reads a mapping as most libraries do."""

    def last(loader: CoreLoader, node: Any) -> dict[str, Any]:
        return {loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value}

    constructors = CoreLoader.yaml_constructors | {"tag:yaml.org,2002:map": last}
    patch(CoreLoader, "yaml_constructors", constructors)


@AGENT.against("deployment.parameters-applied")
def ignores_parameters(patch: Patch) -> None:
    """Runs components with nothing set."""
    patch(document, "parameters_of", lambda component, parameters: {})


@AGENT.against("deployment.ineligible-not-run")
def runs_what_does_not_fit(patch: Patch) -> None:
    """Does not look at constraints."""
    patch(device, "is_eligible", lambda constraints, offer: True)


@AGENT.against("deployment.unknown-child-101")
def uses_a_code_of_its_own(patch: Patch) -> None:
    """Gives another code for a child that it does not know."""
    place = Fleet.place

    def rename(self: Fleet, *arguments: Any) -> str:
        try:
            return place(self, *arguments)
        except WorkloadError as error:
            error.code = "device-unknown" if error.code == "101" else error.code
            raise

    patch(Fleet, "place", rename)


@AGENT.against("deployment.any-child-answered")
def keeps_its_choice_to_itself(patch: Patch) -> None:
    """Does not name the child that it has chosen."""
    body = reporter.report_body

    def silent(document: Any, *rest: Any) -> tuple[bytes, str]:
        return body(replace(document, device_id=""), *rest)

    patch(reporter, "report_body", silent)
