"""What a WOS keeps of devices, replayed from its own answers; judges of the chapter capabilities look at it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from wos_conformance.history import Control, ExchangeView, History
from wos_conformance.judges.reading import Kind, answered, kind_of, media_type, served
from wos_conformance.specification import Specification

ACCEPTED = (200, 201)
_VERBS = ("admit", "retire", "restart", "view")
JSON_TYPES = (None, "application/json")
Key = tuple[str, str]


@dataclass(frozen=True)
class Announcement:
    """A capabilities document that was answered; `right` when it is valid and stands under its own path."""

    view: ExchangeView
    kind: Kind
    valid: bool
    value: Any

    @property
    def right(self) -> bool:
        """Whether a WOS has nothing to find fault with."""
        return self.valid and self.value["properties"]["id"] == self.view.parameters["deviceId"]

    @property
    def of_child(self) -> bool:
        """Whether the path names a device behind a gateway."""
        return "/" in self.view.parameters["deviceId"]


@lru_cache(maxsize=4)
def announcements(history: History) -> list[Announcement]:
    """Announcements as JSON under a well-formed path that nobody can read in two ways, in order."""
    return _announced(history, served(history, "capabilities-put"))


@lru_cache(maxsize=4)
def every_announcement(history: History) -> list[Announcement]:
    """The same, also when the answer is one that a WOS may have reasons for, such as 413."""
    return _announced(history, answered(history, "capabilities-put"))


def _announced(history: History, views: Iterator[ExchangeView]) -> list[Announcement]:
    clear = (view for view in views if is_clear(view, history))
    return [_announcement(v) for v in clear if media_type(v.request_header("content-type")) in JSON_TYPES]


def is_clear(view: ExchangeView, history: History) -> bool:
    """Whether the path names a device as it was sent, and one that the WOS may know."""
    named = "%" not in view.target and Specification.load().is_valid("device-id", view.parameters["deviceId"])
    return named and not is_beyond(view, history)


def is_beyond(view: ExchangeView, history: History) -> bool:
    """Whether the path names a child although the WOS claims no gateways; it then is an unknown path, or taken."""
    return "/" in view.parameters.get("deviceId", "") and "gateway" not in history.header.features


def _announcement(view: ExchangeView) -> Announcement:
    kind = kind_of(view.request_body)
    value = view.request_json() if kind == "json" else None
    valid = kind == "json" and Specification.load().is_valid("device-capabilities", value)
    return Announcement(view, kind, valid, value)


@dataclass(frozen=True)
class Doubt:
    """A request about a device after which nobody knows for sure what is kept of it."""

    view: ExchangeView


def key_of(view: ExchangeView) -> Key:
    """Client and device."""
    return view.client, view.parameters["deviceId"]


@dataclass
class Records:
    """What the WOS keeps: present devices, and those of which nothing is known for sure."""

    present: dict[Key, Any] = field(default_factory=dict)
    unsure: set[Key] = field(default_factory=set)
    told: set[Key] = field(default_factory=set)
    """Devices of which an answer has said whether they are kept; of others a WOS may know from before."""
    new_clients: set[str] = field(default_factory=set)
    refused: set[Key] = field(default_factory=set)
    """Devices whose last announcement was refused."""
    bore: dict[Key, set[str]] = field(default_factory=dict)
    """What has happened since the last accepted announcement: `restart`, or `deletion` of another device."""
    deleted_with_parent: set[Key] = field(default_factory=set)

    def is_sure(self, key: Key) -> bool:
        """Whether it is known what the WOS keeps of a device."""
        return key not in self.unsure and (key in self.told or key[0] in self.new_clients)

    def parents(self, key: Key) -> set[Key]:
        """The devices that are kept and stand above this one."""
        client, device = key
        return {known for known in self.present if known[0] == client and device.startswith(f"{known[1]}/")}

    def children(self, key: Key) -> set[Key]:
        """The devices that are kept and stand below this one."""
        return {known for known in self.present if key in self.parents(known)}

    def may_have_parent(self, key: Key) -> bool:
        """Whether a device above this one is kept, or may be."""
        client, segments = key[0], key[1].split("/")
        above = [(client, "/".join(segments[:count])) for count in range(1, len(segments))]
        return not all(map(self.is_sure, above)) or bool(self.parents(key))

    def admit(self, client: str) -> None:
        """A client was accepted; of one that was never seen before nothing is kept."""
        if not any(key[0] == client for key in {*self.told, *self.unsure}):
            self.new_clients.add(client)

    def announce(self, announcement: Announcement) -> None:
        """An announcement was answered."""
        view, key = announcement.view, key_of(announcement.view)
        if view.status in ACCEPTED and announcement.right:
            self.present[key] = announcement.value
            self.bore[key] = set()
            self.told.add(key)
            for known in (self.unsure, self.refused, self.deleted_with_parent):
                known.discard(key)
        elif view.status in ACCEPTED or announcement.kind == "unsure":
            self.unsure.add(key)
        elif (view.status or 0) >= 400:
            self.refused.add(key)

    def forget(self, view: ExchangeView) -> None:
        """A deletion was answered."""
        key = key_of(view)
        if view.status not in (204, 404):
            return
        children = self.children(key) if view.status == 204 else set()
        for gone in {key, *children}:
            self.present.pop(gone, None)
            self.unsure.discard(gone)
            self.told.add(gone)
        self.deleted_with_parent -= {key}
        self.deleted_with_parent |= children
        for other in self.present:
            if view.status == 204 and other[0] == key[0]:
                self.bore.setdefault(other, set()).add("deletion")

    def retire(self, client: str) -> None:
        """The client was retired; its devices are gone, and it is new when it returns."""
        for known in (self.unsure, self.told, self.refused, self.deleted_with_parent):
            known -= {key for key in known if key[0] == client}
        for key in [key for key in self.present if key[0] == client]:
            del self.present[key]
            self.bore.pop(key, None)
        self.new_clients.add(client)

    def restart(self) -> None:
        """The WOS was restarted."""
        for key in self.present:
            self.bore.setdefault(key, set()).add("restart")


Moment = Announcement | ExchangeView | Control | Doubt


def replayed(history: History) -> Iterator[tuple[Moment, Records]]:
    """Announcements, deletions, views and doubts in order, each with what was kept before it."""
    known: dict[int, Moment] = {found.view.seq: found for found in announcements(history)}
    known |= {view.seq: view for view in served(history, "capabilities-delete") if is_clear(view, history)}
    known |= {control.seq: control for verb in _VERBS for control in history.controls(verb)}
    known |= {
        view.seq: Doubt(view)
        for operation in ("capabilities-put", "capabilities-delete")
        for view in history.exchanges(operation)
        if view.seq not in known and view.status not in (401, 403)
    }
    records = Records()
    for _, moment in sorted(known.items()):
        yield moment, records
        if isinstance(moment, Doubt):
            records.unsure.add(key_of(moment.view))
        elif isinstance(moment, Announcement):
            records.announce(moment)
        elif isinstance(moment, ExchangeView):
            records.forget(moment)
        elif moment.verb == "restart":
            records.restart()
        elif moment.verb == "retire":
            records.retire(str(moment.request.get("spiffeId")))
        elif moment.verb == "admit":
            records.admit(str(moment.request.get("spiffeId")))


def shown(control: Control) -> dict[str, Any] | None:
    """What the operator is shown of the devices of a client; None when it cannot be read."""
    try:
        return {device["deviceId"]: device["capabilities"] for device in (control.response or {})["devices"]}
    except (KeyError, TypeError):
        return None
