"""What a WOS leaves to others: rendering, clusters, and what runs on a device (boundary.md)."""

import json
from collections.abc import Iterator
from typing import Any

from wos_conformance.history import Control, ExchangeView, History
from wos_conformance.judges.boundary.document import key_paths, kubernetes_objects
from wos_conformance.judges.capabilities.record import announcements
from wos_conformance.judges.deployment.wos import at, current_documents, paired_components
from wos_conformance.judges.desired_state.wos import manifests
from wos_conformance.judges.document import member_names
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.model import Wanted
from wos_conformance.judges.status.wos import shown_reports

_CLUSTER = {"nodeName", "nodeSelector", "affinity", "tolerations", "replicas"}
_ROLLOUT = {"rollout", "campaign", "wave", "group", "schedule"}
_TYPES = ("helm", "compose")


@judge("boundary.no-rendered-objects")
def document_holds_no_kubernetes_object(history: History) -> Occasions:
    """A WOS passes references; what the supplier wrote is not its doing."""
    for view, document, wanted in current_documents(history):
        own = kubernetes_objects([wanted.application, wanted.values], below=0)
        found = sorted(kubernetes_objects(document, below=1) - own)
        if found:
            yield broken(view, expected="no Kubernetes object", received=found[0][:300])
        else:
            yield kept(view)


@judge("boundary.no-merged-values")
def properties_have_no_other_members(history: History) -> Occasions:
    """The properties of a component are those of the profile."""
    for view, document, wanted in current_documents(history):
        for described, found in paired_components(document, wanted):
            surplus = sorted(set(at(found, "properties") or {}) - set(described["properties"]))
            if surplus:
                received = f"{surplus[0]} in the component {described['name']!r}"
                yield broken(view, expected=f"only {sorted(described['properties'])}", received=received)
            else:
                yield kept(view)


@judge("boundary.no-invented-parameters")
def parameters_are_given_by_somebody(history: History) -> Occasions:
    """A parameter to which nobody gave a value is not passed."""
    for view, document, wanted in current_documents(history):
        surplus = sorted(set(at(document, "spec", "parameters") or {}) - wanted.given)
        if surplus:
            yield broken(view, expected=f"only {sorted(wanted.given)}", received=f"the parameter {surplus[0]!r}")
        elif wanted.given != set(wanted.application.get("parameters", {})):
            yield kept(view)


def _added(document: Any, wanted: Wanted, names: set[str]) -> set[str]:
    """Those of these member names that are in a document and not in what it was made from."""
    return (member_names(document) & names) - member_names([wanted.application, wanted.values])


@judge("boundary.cluster-inside-unnamed")
def inside_of_a_cluster_is_unnamed(history: History) -> Occasions:
    """A cluster is one target."""
    for view, document, wanted in current_documents(history):
        if found := _added(document, wanted, _CLUSTER):
            yield broken(view, expected="nothing about the inside of a cluster", received=f"the member {min(found)!r}")
        else:
            yield kept(view)


@judge("boundary.no-rollout-members")
def rollout_stays_with_the_operator(history: History) -> Occasions:
    """Who gets what first shows in nothing but the order of manifests."""
    named = [(view, _added(document, wanted, _ROLLOUT)) for view, document, wanted in current_documents(history)]
    named += [(view, member_names(_json(view)) & _ROLLOUT) for view in manifests(history)]
    for view, found in named:
        if found:
            yield broken(view, expected="nothing about a rollout", received=f"the member {min(found)!r}")
        else:
            yield kept(view)


def _json(view: ExchangeView) -> Any:
    try:
        return view.json()
    except ValueError:
        return None


def _listed_types(history: History) -> dict[tuple[str, str], set[str]]:
    """The deployment types that a device has ever listed, by client and device."""
    listed: dict[tuple[str, str], set[str]] = {}
    for found in announcements(history):
        if found.right and found.view.status in (200, 201):
            types = found.value["properties"].get("supportedDeploymentTypes", [])
            listed.setdefault((found.view.client, found.view.parameters["deviceId"]), set()).update(types)
    return listed


@judge("boundary.listed-type-only")
def document_has_a_type_that_the_device_lists(history: History) -> Occasions:
    """A device that lists one type is not served the other; to refuse the assignment is one way to keep that."""
    listed = _listed_types(history)
    for control in history.of(Control):
        key = str(control.request.get("spiffeId")), str(control.request.get("deviceId"))
        refused = control.verb == "assign" and control.outcome == "refused"
        if refused and key in listed and _profile_type(control) in set(_TYPES) - listed[key]:
            yield kept(control)
    for view, document, wanted in current_documents(history):
        types, found = listed.get((view.client, wanted.device_id)), at(document, "spec", "deploymentProfile", "type")
        if types is None or found not in _TYPES or types >= set(_TYPES):
            continue
        if found in types:
            yield kept(view)
        else:
            expected = f"a document of a type that the device {wanted.device_id!r} lists: {sorted(types)}"
            yield broken(view, expected=expected, received=f"type {found!r}")


def _profile_type(control: Control) -> str | None:
    profiles = (control.request.get("application") or {}).get("deploymentProfiles", [])
    return next((p.get("type") for p in profiles if p.get("id") == control.request.get("profileId")), None)


@judge("boundary.same-members-for-types")
def types_are_treated_alike(history: History) -> Occasions:
    """Two assignments that differ in type and device only have documents with the same members."""
    seen: dict[str, tuple[str, set[str]]] = {}
    for view, document, wanted in current_documents(history):
        kind, paths = str(wanted.profile.get("type")), key_paths(document)
        other, expected = seen.setdefault(_likeness(wanted), (kind, paths))
        if other == kind:
            continue
        if paths == expected:
            yield kept(view)
        else:
            received = f"only in one of them: {sorted(paths ^ expected)[:5]}"
            yield broken(view, expected=f"the members of the document of type {other!r}", received=received)


def _likeness(wanted: Wanted) -> str:
    """The same for two assignments of one application that differ in type and device only."""
    rest = {name: value for name, value in wanted.profile.items() if name not in ("type", "id", "description")}
    return json.dumps([wanted.application, rest, wanted.values], sort_keys=True)


@judge("boundary.status-not-invented")
def state_is_shown_after_a_report_only(history: History) -> Occasions:
    """A WOS shows what it was told."""
    first_told: dict[tuple[str, str], int] = {}
    for view in history.exchanges("status"):
        if view.status is None or view.status in (200, 201):
            first_told.setdefault((view.client, view.parameters["deploymentId"]), view.seq)
    for control, client, wanted in _views(history):
        shown = shown_reports(control) or {}
        for name in sorted(wanted & set(shown)):
            if first_told.get((client, name), control.seq) < control.seq:
                continue
            if shown[name] is None:
                yield kept(control)
            else:
                did = f"looked at deployment {name}, about which nobody has reported, through the test control"
                yield broken(control, did=did, expected="no status", received=f"{shown[name]}"[:300])


def _views(history: History) -> Iterator[tuple[Control, str, set[str]]]:
    """Looks of the operator with the client and all that was ever assigned to it."""
    assigned: dict[str, set[str]] = {}
    for control in history.of(Control):
        client = str(control.request.get("spiffeId"))
        if control.outcome != "done":
            continue
        if control.verb == "assign":
            assigned.setdefault(client, set()).add(str((control.response or {}).get("deploymentId")))
        elif control.verb == "view":
            yield control, client, assigned.get(client, set())
