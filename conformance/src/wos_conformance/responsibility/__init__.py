"""Who does what around the interface: the reader of `responsibilities.yaml` and the writers of its views."""

from wos_conformance.responsibility.table import PARTIES, SOURCE, Party, Row, Sequence, Step, Table

__all__ = ["PARTIES", "SOURCE", "Party", "Row", "Sequence", "Step", "Table"]
