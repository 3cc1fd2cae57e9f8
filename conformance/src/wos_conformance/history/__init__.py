"""The only memory of a run: an append-only, hash-chained history, written as it happens and judged afterwards."""

from wos_conformance.history.event import (
    AnyEvent,
    Body,
    Closed,
    Connection,
    Control,
    Credential,
    Deadline,
    Document,
    Event,
    Exchange,
    Fault,
    Footer,
    Header,
    Mark,
    Message,
    Publication,
    Remark,
    Reset,
)
from wos_conformance.history.reader import HISTORY, History, HistoryCut, HistoryDamaged, last_line
from wos_conformance.history.recorder import Recorder
from wos_conformance.history.view import ExchangeView

__all__ = [
    "HISTORY",
    "AnyEvent",
    "Body",
    "Closed",
    "Connection",
    "Control",
    "Credential",
    "Deadline",
    "Document",
    "Event",
    "Exchange",
    "ExchangeView",
    "Fault",
    "Footer",
    "Header",
    "History",
    "HistoryCut",
    "HistoryDamaged",
    "Mark",
    "Message",
    "Publication",
    "Recorder",
    "Remark",
    "Reset",
    "last_line",
]
