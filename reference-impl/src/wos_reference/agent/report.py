"""What the agent says about a deployment: states, their severity and the body of a report (`status.md`)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wos_reference.agent.document import Document
from wos_reference.agent.runtime import WorkloadError

MOST_SEVERE_FIRST = ("failed", "removing", "installing", "pending", "installed", "removed")
GATEWAY_CODES = ("101", "102", "103")
MESSAGE_LENGTH = 500
LEAST_SECRET = 4  # characters; shorter values occur in any text


@dataclass(frozen=True)
class ComponentState:
    """The state of one component, with what went wrong if something did."""

    name: str
    state: str
    failure: WorkloadError | None = None


def overall_state(states: list[str]) -> str:
    """The most severe of `states`, of which there is at least one."""
    return min(states, key=MOST_SEVERE_FIRST.index)


def uniform(document: Document, state: str) -> list[ComponentState]:
    """Every component of `document` in the same state."""
    return [ComponentState(component.name, state) for component in document.components]


def report_body(
    document: Document,
    version: int,
    components: list[ComponentState],
    failure: WorkloadError | None = None,
    gateway: str = "",
) -> tuple[bytes, str]:
    """The bytes of a report about the revision of `document` that the manifest `version` names, and its state.

    `failure` is that of the whole; `gateway` is the own device id, for deployments on the devices behind it.
    """
    state = overall_state([component.state for component in components])
    status: dict[str, Any] = {"state": state}
    failure = failure or next((component.failure for component in components if component.failure), None)
    if failure and state == "failed":
        source = gateway if failure.code in GATEWAY_CODES else document.name
        status["error"] = error(source, failure, document)
    content = {
        "deploymentId": document.deployment_id,
        "adoptedManifestVersion": version,
        "status": status,
        "components": [_component(component, document) for component in components],
    }
    if document.device_id not in ("", gateway) and not document.device_id.endswith("/*"):
        content["deviceId"] = document.device_id
    return _written(content), state


def bare_body(deployment_id: str, version: int, state: str, failure: WorkloadError | None = None) -> bytes:
    """The bytes of a report about a revision whose document is not here, or cannot be read."""
    status: dict[str, Any] = {"state": state}
    if failure:
        message = str(failure)[:MESSAGE_LENGTH]
        status["error"] = {"code": failure.code, "source": deployment_id, "message": message}
    content = {"deploymentId": deployment_id, "adoptedManifestVersion": version, "status": status, "components": []}
    return _written(content)


def _written(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


def _component(component: ComponentState, document: Document) -> dict[str, Any]:
    content: dict[str, Any] = {"name": component.name, "state": component.state}
    if component.failure:
        content["error"] = error(component.name, component.failure, document)
    return content


def error(source: str, failure: WorkloadError, document: Document) -> dict[str, str]:
    """The error member; its message holds no value of a parameter of `document`."""
    message = without(secrets_of(document), str(failure)) or failure.code
    return {"code": failure.code, "source": source, "message": message[:MESSAGE_LENGTH]}


def secrets_of(document: Document) -> list[str]:
    """The values of all parameters as texts, the longest first."""
    values = [value for component in document.components for value in component.parameters.values()]
    items = [item for value in values for item in (value if isinstance(value, list) else [value])]
    return sorted({str(item) for item in items if len(str(item)) >= LEAST_SECRET}, key=len, reverse=True)


def without(secrets: Sequence[str], text: str) -> str:
    """`text` with dots in place of each secret, also where a program has written it as JSON."""
    for secret in secrets:
        for form in (secret, json.dumps(secret)[1:-1]):
            text = text.replace(form, "…")
    return text
