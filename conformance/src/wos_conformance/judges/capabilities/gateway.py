"""What a WOS does with devices behind a gateway (capabilities.md, "Gateways")."""

from collections.abc import Iterator

from wos_conformance.history import Control, ExchangeView, History
from wos_conformance.judges.capabilities.record import Announcement, Doubt, Records, key_of, replayed, shown
from wos_conformance.judges.capabilities.wos import accepted, refused, unnamed
from wos_conformance.judges.desired_state.wos import manifests, readable
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.model import replay
from wos_conformance.judges.reading import told
from wos_conformance.specification import Specification


def _children(history: History) -> Iterator[tuple[ExchangeView, Records]]:
    """Right announcements of children that no policy has refused."""
    for found, records in replayed(history):
        if isinstance(found, Announcement) and found.right and found.of_child and found.view.status != 403:
            yield found.view, records


@judge("capabilities.parent-unknown-404")
def child_without_parent_is_refused(history: History) -> Occasions:
    """A child comes after its gateway."""
    for view, records in _children(history):
        if not records.may_have_parent(key_of(view)):
            yield refused(view, 404, "gateway-not-found")


@judge("capabilities.child-accepted")
def child_of_a_known_parent_is_accepted(history: History) -> Occasions:
    """One parent is enough."""
    for view, records in _children(history):
        if records.parents(key_of(view)):
            yield accepted(view)


@judge("capabilities.delete-cascades")
def children_go_with_their_parent(history: History) -> Occasions:
    """A child of a deleted device is unknown: when it is deleted itself, and when the operator looks."""
    for moment, records in replayed(history):
        if isinstance(moment, Control):
            yield from _shown_orphans(moment, records)
        elif isinstance(moment, ExchangeView) and key_of(moment) in records.deleted_with_parent - records.unsure:
            yield refused(moment, 404, "device-not-found")


def _shown_orphans(control: Control, records: Records) -> Occasions:
    found = shown(control) if control.verb == "view" else None
    for client, device in records.deleted_with_parent if found is not None else ():
        if client != control.request.get("spiffeId") or not records.is_sure((client, device)):
            continue
        if device in (found or ()):
            did = f"deleted a parent of {device!r}, then looked through the test control"
            yield broken(control, did=did, expected="no record of the child", received="its record")
        else:
            yield kept(control)


@judge("capabilities.cascade-withdraws")
def deployments_end_with_the_parent(history: History) -> Occasions:
    """No manifest names what was meant for a child of a deleted device."""
    for view, model in replay(history, manifests(history)):
        lost = model.of(view.client).lost_with_parent
        if lost and readable(view) is not None:
            yield unnamed(view, lost, "the parent of whose device was deleted")


@judge("capabilities.slash-encoded-equal")
def encoded_slash_is_a_slash(history: History) -> Occasions:
    """`%2F` between two segments, in the announcement or the deletion of a child whose parent is kept."""
    for moment, records in replayed(history):
        if isinstance(moment, Doubt) and "%2f" in moment.view.target.lower():
            yield from _equal(moment.view, records)


def _equal(view: ExchangeView, records: Records) -> Occasions:
    put = view.method == "PUT"
    known = bool(records.parents(key_of(view))) if put else key_of(view) in records.present
    if not known or view.status is None or (put and not _names_its_path(view)):
        return
    expected = (200, 201) if put else (204,)
    if view.status in expected:
        yield kept(view)
    else:
        yield broken(view, expected=f"status {expected[0]}, as with a raw slash", received=told(view))


def _names_its_path(view: ExchangeView) -> bool:
    try:
        value = view.request_json()
    except ValueError:
        return False
    valid = Specification.load().is_valid("device-capabilities", value)
    return valid and bool(value["properties"]["id"] == view.parameters["deviceId"])
