"""What a WOS does with the capabilities of devices (capabilities.md)."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from wos_conformance.history import Control, ExchangeView, History
from wos_conformance.judges.capabilities.record import (
    ACCEPTED,
    Announcement,
    Doubt,
    Records,
    announcements,
    every_announcement,
    key_of,
    replayed,
    shown,
)
from wos_conformance.judges.desired_state.wos import manifests, readable
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.model import replay
from wos_conformance.judges.reading import has_problem, same_json, served, told

_PREFIX = "/api/v1/capabilities/"
_LONGEST_ID = 200
_LARGEST_BODY = 262_144
_RUNTIMES = {"oci", "custom"}
_TYPES = {"helm", "compose", "custom"}


def _of_devices(history: History) -> Iterator[Announcement]:
    """Announcements of devices with one segment in their id."""
    return (found for found in announcements(history) if not found.of_child)


@judge("capabilities.dot-segments-refused")
def dot_segments_are_refused(history: History) -> Occasions:
    """A path with `.` or `..` names no device."""
    for view in served(history):
        segments = view.path.removeprefix(_PREFIX).split("/") if view.path.startswith(_PREFIX) else []
        if not {".", ".."} & set(map(unquote, segments)):
            continue
        if 400 <= (view.status or 0) < 500:
            yield kept(view)
        else:
            yield broken(view, expected="a status from 400 to 499", received=told(view))


@judge("capabilities.malformed-400")
def text_that_is_not_json_is_refused(history: History) -> Occasions:
    """What is not JSON in UTF-8 is an invalid request."""
    for found in _of_devices(history):
        if found.kind == "not-json":
            yield refused(found.view, 400, "invalid-request")


@judge("capabilities.invalid-422")
def invalid_document_is_refused(history: History) -> Occasions:
    """JSON that the schema does not allow is a semantic error."""
    for found in _of_devices(history):
        if found.kind == "json" and not found.valid:
            yield refused(found.view, 422, "semantic-error")


@judge("capabilities.path-mismatch-422")
def document_of_another_device_is_refused(history: History) -> Occasions:
    """A document that names another device than the path is a semantic error."""
    for found in _of_devices(history):
        if found.valid and not found.right:
            yield refused(found.view, 422, "semantic-error")


def refused(view: ExchangeView, status: int, fragment: str) -> Judgement:
    """Whether the request was refused in just this way."""
    if has_problem(view, status, fragment):
        return kept(view)
    return broken(view, expected=f"status {status} with the type '{fragment}'", received=told(view))


def _acceptable(history: History) -> Iterator[Announcement]:
    """Right documents that no policy has refused."""
    for found in every_announcement(history):
        if found.right and not found.of_child and found.view.status not in (401, 403, 429, 431, 503):
            yield found


def accepted(view: ExchangeView) -> Judgement:
    """Whether the document was accepted."""
    return kept(view) if view.status in ACCEPTED else broken(view, expected="status 200 or 201", received=told(view))


@judge("capabilities.valid-accepted")
def valid_document_is_accepted(history: History) -> Occasions:
    """Whatever the schema allows, in a body of usual size, under an id of usual length."""
    for found in _acceptable(history):
        body = found.view.exchange.request.body
        usual = len(found.view.parameters["deviceId"]) <= _LONGEST_ID and (body is None or body.length <= _LARGEST_BODY)
        if usual:
            yield accepted(found.view)


@judge("capabilities.unknown-types-accepted")
def unknown_types_do_not_matter(history: History) -> Occasions:
    """Runtimes and deployment types that the WOS does not know are as good as others."""
    for found in _acceptable(history):
        properties = found.value["properties"]
        runtimes = set(properties.get("supportedRuntimes", [])) - _RUNTIMES
        if runtimes or set(properties.get("supportedDeploymentTypes", [])) - _TYPES:
            yield accepted(found.view)


@judge("capabilities.extensions-ignored")
def unknown_extensions_do_not_matter(history: History) -> Occasions:
    """A valid document with extensions is accepted."""
    for found in _acceptable(history):
        if any(name.startswith("x-") for name in found.value):
            yield accepted(found.view)


def _accepted_announcements(history: History, *, again: bool) -> Iterator[ExchangeView]:
    for found, records in replayed(history):
        if not isinstance(found, Announcement) or not found.right or found.of_child:
            continue
        key = key_of(found.view)
        if found.view.status != 403 and records.is_sure(key) and (key in records.present) == again:
            yield found.view


@judge("capabilities.first-201")
def first_announcement_is_created(history: History) -> Occasions:
    """The first document of a device is answered with 201."""
    for view in _accepted_announcements(history, again=False):
        yield kept(view) if view.status == 201 else broken(view, expected="status 201", received=told(view))


@judge("capabilities.repeat-200")
def later_announcement_is_updated(history: History) -> Occasions:
    """Later documents of a device are answered with 200."""
    for view in _accepted_announcements(history, again=True):
        yield kept(view) if view.status == 200 else broken(view, expected="status 200", received=told(view))


def _deletions(history: History, *, known: bool) -> Iterator[ExchangeView]:
    for moment, records in replayed(history):
        if isinstance(moment, ExchangeView) and moment.status != 403 and records.is_sure(key_of(moment)):
            child = "/" in moment.parameters["deviceId"]
            if (key_of(moment) in records.present) == known and not child:
                yield moment


@judge("capabilities.delete-204")
def known_device_is_deleted(history: History) -> Occasions:
    """A device that is kept can be deleted."""
    for view in _deletions(history, known=True):
        yield kept(view) if view.status == 204 else broken(view, expected="status 204", received=told(view))


@judge("capabilities.delete-unknown-404")
def unknown_device_is_not_found(history: History) -> Occasions:
    """A device that is not kept cannot be deleted."""
    for view in _deletions(history, known=False):
        yield refused(view, 404, "device-not-found")


def _looks(history: History, *, after_refusal: bool) -> Iterator[tuple[Control, str, Any, dict[str, Any]]]:
    """Looks of the operator: which device, what is expected of it (None: no record), all that is shown."""
    for event, records in replayed(history):
        if not isinstance(event, Control) or event.verb != "view" or (found := shown(event)) is None:
            continue
        client = event.request.get("spiffeId")
        for key in sorted({*records.present, *records.refused}):
            wanted = key[0] == client and (key in records.refused) == after_refusal
            if wanted and "/" not in key[1] and records.is_sure(key):
                yield event, key[1], records.present.get(key), found


@judge("capabilities.kept-as-sent")
def document_is_kept_as_sent(history: History) -> Occasions:
    """The operator is shown exactly what the device announced last."""
    for control, device, expected, found in _looks(history, after_refusal=False):
        yield _compared(control, device, expected, found)


@judge("capabilities.refused-not-kept")
def refused_document_changes_nothing(history: History) -> Occasions:
    """After a refused document the operator is shown what was there before."""
    for control, device, expected, found in _looks(history, after_refusal=True):
        yield _compared(control, device, expected, found)


def _compared(control: Control, device: str, expected: Any, found: dict[str, Any]) -> Judgement:
    if same_json(found.get(device), expected):
        return kept(control)
    did = f"looked at device {device!r} through the test control"
    return broken(control, did=did, expected=_short(expected), received=_short(found.get(device)))


def _short(value: Any) -> str:
    return "no record" if value is None else repr(value)[:300]


def _survivals(history: History, ordeal: str) -> Occasions:
    """What became of devices that have borne something: seen by their next announcement, deletion or view."""
    for moment, records in replayed(history):
        if isinstance(moment, Control):
            yield from _shown_survivors(moment, records, ordeal)
            continue
        if isinstance(moment, Doubt):
            continue
        view = moment.view if isinstance(moment, Announcement) else moment
        key = key_of(view)
        if key not in records.present or not records.is_sure(key) or ordeal not in records.bore.get(key, ()):
            continue
        lost = view.status == (201 if isinstance(moment, Announcement) else 404)
        if not lost and view.status in (200, 204):
            yield kept(view)
        elif lost and (isinstance(moment, ExchangeView) or moment.right):
            did = f"{view.method} {view.target[:200]}, a device that was kept before the {ordeal}"
            yield broken(view, did=did, expected="an answer for a known device", received=told(view))


def _shown_survivors(control: Control, records: Records, ordeal: str) -> Occasions:
    found = shown(control) if control.verb == "view" else None
    for client, device in records.present if found is not None else ():
        bore = records.bore.get((client, device), ())
        if client != control.request.get("spiffeId") or ordeal not in bore or not records.is_sure((client, device)):
            continue
        if device in (found or ()):
            yield kept(control)
        else:
            did = f"looked after the {ordeal} at device {device!r} through the test control"
            yield broken(control, did=did, expected="its record", received="no record")


@judge("capabilities.kept-across-restart")
def record_outlives_a_restart(history: History) -> Occasions:
    """A device is known after a restart."""
    return _survivals(history, "restart")


@judge("capabilities.delete-leaves-others")
def other_devices_outlive_a_deletion(history: History) -> Occasions:
    """A device that is neither the deleted one nor its child stays."""
    return _survivals(history, "deletion")


@judge("capabilities.delete-withdraws")
def deployments_end_with_their_device(history: History) -> Occasions:
    """No manifest names what was meant for a deleted device."""
    for view, model in replay(history, manifests(history)):
        lost, value = model.of(view.client).lost_with_device, readable(view)
        if lost and value is not None:
            yield unnamed(view, lost, "whose device was deleted")


def unnamed(view: ExchangeView, lost: set[str], why: str) -> Judgement:
    """Whether a manifest names none of these deployments."""
    found = sorted(lost & {entry["deploymentId"] for entry in (readable(view) or {"deployments": []})["deployments"]})
    return broken(view, expected=f"no deployment {found[0]}, {why}", received=f"{found}") if found else kept(view)
