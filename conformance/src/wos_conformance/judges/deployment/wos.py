"""What a WOS writes into the document of a deployment (deployment.md)."""

from collections.abc import Iterator
from typing import Any

from wos_conformance.history import ExchangeView, History
from wos_conformance.judges.desired_state.wos import manifests, readable
from wos_conformance.judges.document import document_of, ornament
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.model import Wanted, replay
from wos_conformance.judges.reading import same_json, served
from wos_conformance.specification import Specification


@judge("deployment.document-valid")
def document_is_valid(history: History) -> Occasions:
    """A document keeps the schema."""
    for view in served(history, "document"):
        if view.status != 200 or view.content is None:
            continue
        document = document_of(view.content)
        faults = ["is not a YAML mapping"]
        if document is not None:
            faults = Specification.load().errors("application-deployment", document)
        if faults:
            yield broken(view, expected="a document that is valid by the schema", received="; ".join(faults[:3]))
        else:
            yield kept(view)


def current_documents(history: History) -> Iterator[tuple[ExchangeView, dict[str, Any], Wanted]]:
    """Documents that the newest manifest names, with what was assigned."""
    listed: dict[str, tuple[int, set[tuple[str, str]]]] = {}
    for view, model in replay(history, served(history)):
        state = model.of(view.client)
        if view.operation == "manifest" and view.status == 200 and (value := readable(view)) is not None:
            entries = {(entry["deploymentId"], entry["digest"]) for entry in value["deployments"]}
            listed[view.client] = (state.changes, entries)
        if view.operation != "document" or view.status != 200 or (document := document_of(view.content)) is None:
            continue
        name, digest = view.parameters["deploymentId"], view.parameters["digest"]
        changes, entries = listed.get(view.client, (-1, set()))
        if changes == state.changes and (name, digest) in entries and name in state.deployments:
            yield view, document, state.deployments[name]


def at(value: Any, *names: str) -> Any:
    """What stands at this place of nested mappings; None when nothing does."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


@judge("deployment.device-as-assigned")
def document_names_the_device(history: History) -> Occasions:
    """The device is the one of the assignment."""
    for view, document, wanted in current_documents(history):
        found = at(document, "metadata", "deviceId")
        if found == wanted.device_id:
            yield kept(view)
        else:
            yield broken(view, expected=f"metadata.deviceId {wanted.device_id!r}", received=repr(found))


@judge("deployment.components-as-described")
def components_are_copied(history: History) -> Occasions:
    """Name, repository and revision of each component, in order."""
    for view, document, wanted in current_documents(history):
        parts = at(document, "spec", "deploymentProfile", "components")
        found = [
            (at(part, "name"), at(part, "properties", "repository"), at(part, "properties", "revision"))
            for part in (parts if isinstance(parts, list) else [])
        ]
        if found == wanted.components:
            yield kept(view)
        else:
            yield broken(view, expected=f"components {wanted.components}", received=f"{found}")


@judge("deployment.properties-as-described")
def properties_are_copied(history: History) -> Occasions:
    """Each member that the profile gives to the properties of a component."""
    for view, document, wanted in current_documents(history):
        for described, found in paired_components(document, wanted):
            given, passed = described["properties"], at(found, "properties") or {}
            missing = [name for name in given if name not in passed or not same_json(given[name], passed[name])]
            if missing:
                received = f"{missing[0]}: {passed.get(missing[0])!r} in the component {described['name']!r}"
                yield broken(view, expected=f"{missing[0]}: {given[missing[0]]!r}", received=received)
            else:
                yield kept(view)


def paired_components(document: dict[str, Any], wanted: Wanted) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The components of the profile, each with the one of the same name in the document."""
    parts = at(document, "spec", "deploymentProfile", "components")
    found = {at(part, "name"): part for part in (parts if isinstance(parts, list) else [])}
    for described in wanted.profile.get("components", []):
        if isinstance(found.get(described["name"]), dict):
            yield described, found[described["name"]]


@judge("deployment.constraints-as-described")
def constraints_are_copied(history: History) -> Occasions:
    """The constraints of the profile, or none."""
    for view, document, wanted in current_documents(history):
        expected = wanted.profile.get("deviceConstraints")
        found = at(document, "spec", "deploymentProfile", "deviceConstraints")
        if same_json(found, expected):
            yield kept(view)
        else:
            yield broken(view, expected=f"deviceConstraints {expected}"[:300], received=f"{found}"[:300])


@judge("deployment.plain-yaml")
def document_is_plain_yaml(history: History) -> Occasions:
    """One YAML document without what JSON does not have."""
    for view in served(history, "document"):
        if view.status != 200 or view.content is None:
            continue
        found = ornament(view.content)
        if found is None:
            yield kept(view)
        else:
            yield broken(view, expected="one YAML document without aliases, tags and repeated keys", received=found)


@judge("deployment.parameters-as-assigned")
def parameters_are_passed(history: History) -> Occasions:
    """Each parameter that has a value, with its value and targets."""
    for view, document, wanted in current_documents(history):
        found = at(document, "spec", "parameters") or {}
        if same_json(found, wanted.parameters):
            yield kept(view)
        else:
            yield broken(view, expected=f"parameters {wanted.parameters}", received=f"{found}"[:500])


@judge("deployment.update-keeps-id")
def updated_deployment_keeps_its_id(history: History) -> Occasions:
    """After an update the manifest names the deployment under the same id."""
    updates, position = list(history.controls("update")), 0
    updated: dict[str, set[str]] = {}
    for view, model in replay(history, manifests(history)):
        while position < len(updates) and updates[position].ended <= view.started:
            name = str(updates[position].request.get("deploymentId"))
            updated.setdefault(model.owners.get(name, ""), set()).add(name)
            position += 1
        if (value := readable(view)) is None:
            continue
        found = [entry["deploymentId"] for entry in value["deployments"]]
        for name in sorted(updated.pop(view.client, set()) & model.of(view.client).deployments.keys()):
            did = "updated the deployment, then asked for the manifest"
            yield (
                kept(view)
                if name in found
                else broken(view, did=did, expected=f"deployment {name}", received=f"{found}")
            )


@judge("deployment.other-deployments-untouched")
def others_keep_their_digest(history: History) -> Occasions:
    """A deployment that was not changed keeps its digest while others change."""
    last: dict[str, tuple[int, dict[str, tuple[Any, str]]]] = {}
    for view, model in replay(history, manifests(history)):
        value, state = readable(view), model.of(view.client)
        if value is None:
            continue
        now = {
            entry["deploymentId"]: (state.deployments[entry["deploymentId"]].content, entry["digest"])
            for entry in value["deployments"]
            if entry["deploymentId"] in state.deployments
        }
        changes, before = last.get(view.client, (state.changes, {}))
        last[view.client] = (state.changes, now)
        if changes == state.changes:
            continue
        for name in before.keys() & now.keys():
            if before[name][0] != now[name][0]:
                continue
            if before[name][1] == now[name][1]:
                yield kept(view)
            else:
                expected = f"digest {before[name][1]} for {name}, which was not changed"
                yield broken(view, expected=expected, received=now[name][1])
