"""What the agent says about a deployment: states, their severity and the body of a report (`status.md`)."""

import json
from dataclasses import dataclass

from wos_reference.agent.document import Document

MOST_SEVERE_FIRST = ("failed", "removing", "installing", "pending", "installed", "removed")


@dataclass(frozen=True)
class ComponentState:
    """The state of one component, with what went wrong if something did."""

    name: str
    state: str
    failure: str | None = None


def overall_state(states: list[str]) -> str:
    """The most severe of `states`, of which there is at least one."""
    return min(states, key=MOST_SEVERE_FIRST.index)


def uniform(document: Document, state: str) -> list[ComponentState]:
    """Every component of `document` in the same state."""
    return [ComponentState(component.name, state) for component in document.components]


def report_body(document: Document, version: int, components: list[ComponentState]) -> tuple[bytes, str]:
    """The bytes of a report about the revision of `document` that the manifest `version` names, and its state."""
    state = overall_state([component.state for component in components])
    status: dict[str, object] = {"state": state}
    failures = [component.failure for component in components if component.failure]
    if failures:
        status["error"] = error(document.name, failures[0])
    content = {
        "deploymentId": document.deployment_id,
        "adoptedManifestVersion": version,
        "status": status,
        "components": [_component(component) for component in components],
    }
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode(), state


def _component(component: ComponentState) -> dict[str, object]:
    content: dict[str, object] = {"name": component.name, "state": component.state}
    if component.failure:
        content["error"] = error(component.name, component.failure)
    return content


def error(source: str, message: str) -> dict[str, str]:
    """The error member; `source` is the component, or the name of the deployment for the whole."""
    return {"code": "runtime", "source": source, "message": message}
