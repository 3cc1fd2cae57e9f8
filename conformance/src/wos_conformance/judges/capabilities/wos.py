"""What a WOS does with the capabilities of devices (capabilities.md)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from wos_conformance.history import Control, ExchangeView, History
from wos_conformance.judges.judgement import Occasions, broken, judge, kept
from wos_conformance.judges.reading import has_problem, kind_of, same_json, served, told
from wos_conformance.specification import Specification

_ACCEPTED = (200, 201)
Key = tuple[str, str]


def _puts(history: History) -> Iterator[tuple[ExchangeView, str]]:
    """Announcements of devices with one segment in their id, and what kind of text they carry."""
    specification = Specification.load()
    for view in served(history, "capabilities-put"):
        device = view.parameters["deviceId"]
        if "/" not in device and "%" not in view.target and specification.is_valid("device-id", device):
            yield view, kind_of(view.request_body)


def _documents(history: History) -> Iterator[tuple[ExchangeView, Any, bool]]:
    """Announcements in JSON, with the value and whether it is valid."""
    for view, kind in _puts(history):
        if kind == "json":
            value = view.request_json()
            yield view, value, Specification.load().is_valid("device-capabilities", value)


def _is_right(view: ExchangeView, value: Any, valid: bool) -> bool:
    return valid and value["properties"]["id"] == view.parameters["deviceId"]


def _key(view: ExchangeView) -> Key:
    return view.client, view.parameters["deviceId"]


@judge("capabilities.malformed-400")
def text_that_is_not_json_is_refused(history: History) -> Occasions:
    """What is not JSON in UTF-8 is an invalid request."""
    for view, kind in _puts(history):
        if kind == "not-json":
            yield _refused(view, 400, "invalid-request")


@judge("capabilities.invalid-422")
def invalid_document_is_refused(history: History) -> Occasions:
    """JSON that the schema does not allow is a semantic error."""
    for view, _, valid in _documents(history):
        if not valid:
            yield _refused(view, 422, "semantic-error")


@judge("capabilities.path-mismatch-422")
def document_of_another_device_is_refused(history: History) -> Occasions:
    """A document that names another device than the path is a semantic error."""
    for view, value, valid in _documents(history):
        if valid and not _is_right(view, value, valid):
            yield _refused(view, 422, "semantic-error")


def _refused(view: ExchangeView, status: int, fragment: str) -> Any:
    if has_problem(view, status, fragment):
        return kept(view)
    return broken(view, expected=f"status {status} with the type '{fragment}'", received=told(view))


@judge("capabilities.extensions-ignored")
def unknown_extensions_do_not_matter(history: History) -> Occasions:
    """A valid document with extensions is accepted."""
    for view, value, valid in _documents(history):
        if not _is_right(view, value, valid) or not any(name.startswith("x-") for name in value):
            continue
        if view.status in _ACCEPTED:
            yield kept(view)
        else:
            yield broken(view, expected="status 200 or 201", received=told(view))


@dataclass
class _Records:
    """What the WOS keeps, replayed: present devices, and those of which nothing is known for sure."""

    present: dict[Key, Any] = field(default_factory=dict)
    unsure: set[Key] = field(default_factory=set)
    refused: set[Key] = field(default_factory=set)

    def announce(self, view: ExchangeView, kind: str, right: bool) -> None:
        """An announcement was answered."""
        key = _key(view)
        if view.status in _ACCEPTED and right:
            self.present[key] = view.request_json()
            self.unsure.discard(key)
            self.refused.discard(key)
        elif view.status in _ACCEPTED or kind == "unsure":
            self.unsure.add(key)
        elif (view.status or 0) >= 400:
            self.refused.add(key)

    def forget(self, view: ExchangeView) -> None:
        """A deletion was answered."""
        if view.status in (204, 404):
            self.present.pop(_key(view), None)
            self.unsure.discard(_key(view))


def _replayed(history: History) -> Iterator[tuple[ExchangeView | Control, _Records]]:
    """Announcements, deletions and views in order, each with what was kept before it."""
    kinds = {view.seq: (view, kind) for view, kind in _puts(history)}
    right = {view.seq for view, value, valid in _documents(history) if _is_right(view, value, valid)}
    deletions = {view.seq: view for view in served(history, "capabilities-delete")}
    views = {control.seq: control for control in history.controls("view")}
    broken_off = {
        view.seq: view
        for operation in ("capabilities-put", "capabilities-delete")
        for view in history.exchanges(operation)
        if view.seq not in kinds and view.seq not in deletions
    }
    records = _Records()
    for seq in sorted({*kinds, *deletions, *views, *broken_off}):
        if seq in broken_off:
            if broken_off[seq].status not in (401, 403):
                records.unsure.add(_key(broken_off[seq]))
        elif seq in kinds:
            view, kind = kinds[seq]
            yield view, records
            records.announce(view, kind, seq in right)
        elif seq in deletions:
            yield deletions[seq], records
            records.forget(deletions[seq])
        else:
            yield views[seq], records


def _accepted_puts(history: History, *, again: bool) -> Iterator[ExchangeView]:
    right = {view.seq for view, value, valid in _documents(history) if _is_right(view, value, valid)}
    for event, records in _replayed(history):
        if not isinstance(event, ExchangeView) or event.seq not in right or _key(event) in records.unsure:
            continue
        if (_key(event) in records.present) == again:
            yield event


@judge("capabilities.first-201")
def first_announcement_is_created(history: History) -> Occasions:
    """The first document of a device is answered with 201."""
    for view in _accepted_puts(history, again=False):
        yield kept(view) if view.status == 201 else broken(view, expected="status 201", received=told(view))


@judge("capabilities.repeat-200")
def later_announcement_is_updated(history: History) -> Occasions:
    """Later documents of a device are answered with 200."""
    for view in _accepted_puts(history, again=True):
        yield kept(view) if view.status == 200 else broken(view, expected="status 200", received=told(view))


def _deletions(history: History, *, known: bool) -> Iterator[ExchangeView]:
    for event, records in _replayed(history):
        if isinstance(event, ExchangeView) and event.method == "DELETE" and _key(event) not in records.unsure:
            plain = "/" not in event.parameters["deviceId"] and "%" not in event.target
            if (_key(event) in records.present) == known and plain and ".." not in event.target:
                yield event


@judge("capabilities.delete-204")
def known_device_is_deleted(history: History) -> Occasions:
    """A device that is kept can be deleted."""
    for view in _deletions(history, known=True):
        yield kept(view) if view.status == 204 else broken(view, expected="status 204", received=told(view))


@judge("capabilities.delete-unknown-404")
def unknown_device_is_not_found(history: History) -> Occasions:
    """A device that is not kept cannot be deleted."""
    for view in _deletions(history, known=False):
        yield _refused(view, 404, "device-not-found")


def _shown(control: Control) -> dict[str, Any] | None:
    try:
        return {device["deviceId"]: device["capabilities"] for device in (control.response or {})["devices"]}
    except (KeyError, TypeError):
        return None


def _looks(history: History, *, after_refusal: bool) -> Iterator[tuple[Control, str, Any, dict[str, Any]]]:
    """Looks of the operator: which device, what is expected of it (None: no record), all that is shown."""
    for event, records in _replayed(history):
        if not isinstance(event, Control) or (shown := _shown(event)) is None:
            continue
        client = event.request.get("spiffeId")
        for key in {*records.present, *records.refused}:
            if key[0] == client and key not in records.unsure and (key in records.refused) == after_refusal:
                yield event, key[1], records.present.get(key), shown


@judge("capabilities.kept-as-sent")
def document_is_kept_as_sent(history: History) -> Occasions:
    """The operator is shown exactly what the device announced last."""
    for control, device, expected, shown in _looks(history, after_refusal=False):
        yield _compared(control, device, expected, shown)


@judge("capabilities.refused-not-kept")
def refused_document_changes_nothing(history: History) -> Occasions:
    """After a refused document the operator is shown what was there before."""
    for control, device, expected, shown in _looks(history, after_refusal=True):
        yield _compared(control, device, expected, shown)


def _compared(control: Control, device: str, expected: Any, shown: dict[str, Any]) -> Any:
    if same_json(shown.get(device), expected):
        return kept(control)
    did = f"looked at device {device!r} through the test control"
    return broken(control, did=did, expected=_short(expected), received=_short(shown.get(device)))


def _short(value: Any) -> str:
    return "no record" if value is None else repr(value)[:300]
