"""The table of responsibilities as data. Its form is `responsibilities.schema.json`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self, get_args

import msgspec

from wos_conformance.specification import SpecificationError

Party = Literal[
    "wos",
    "agent",
    "identity-service",
    "device-owner",
    "kubernetes-control-plane",
    "container-runtime",
    "application-supplier",
    "registry",
    "end-user",
]
PARTIES: tuple[Party, ...] = get_args(Party)
Share = Literal["owns", "part", "may", "informed", "must not", ""]
SOURCE = "responsibilities.yaml"
_OFF_WIRE = "off-wire: "


class Row(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """One responsibility and its one owner.

    `must_not` says of each party that keeps out which rules show it, or in a sentence why no black box can.
    """

    id: str
    statement: str
    owner: Party
    release: Literal["v1", "v2", "wish", "out"]
    rationale: str
    interface: list[str]
    part: list[Party] = []
    may: list[Party] = []
    informed: list[Party] = []
    must_not: dict[Party, list[str] | str] = {}
    requirements: list[str] = []
    tests: list[str] = []

    def share(self, party: Party) -> Share:
        """What a party has to do with the row; empty when nothing."""
        shares: dict[Share, list[Party]] = {
            "owns": [self.owner],
            "part": self.part,
            "may": self.may,
            "informed": self.informed,
            "must not": list(self.must_not),
        }
        return next((share for share, parties in shares.items() if party in parties), "")

    @property
    def guards(self) -> list[str]:
        """The ids of all rules that guard the row, each once."""
        shown = (rule for rules in self.must_not.values() if isinstance(rules, list) for rule in rules)
        return list(dict.fromkeys([*self.requirements, *shown]))

    @property
    def operations(self) -> list[str]:
        """The operations of the interface at which the row shows."""
        return [name for name in self.interface if not name.startswith(_OFF_WIRE)]

    @property
    def off_wire(self) -> list[str]:
        """The keys of what lies off the wire and shows the row."""
        return [name.removeprefix(_OFF_WIRE) for name in self.interface if name.startswith(_OFF_WIRE)]


class Theme(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows that belong together."""

    id: str
    title: str
    rows: list[Row]


class OffWire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What two parties exchange beside the interface."""

    between: tuple[Party, Party]
    says: str


class BoundaryTest(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A situation which shows that a boundary holds; `taps` are looks that no test has yet."""

    title: str
    given: str
    broken_by: str
    bad_partner: str
    rules: list[str] = []
    taps: list[str] = []


class Step(msgspec.Struct, frozen=True, kw_only=True, rename={"source": "from"}, forbid_unknown_fields=True):
    """A call (`over`, `says`), an answer (`answer`) or a note beside one party (`note`, `at`)."""

    row: str
    source: Party | None = None
    to: Party | None = None
    over: str = ""
    says: str = ""
    answer: str = ""
    note: str = ""
    at: Party | None = None


class Sequence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who speaks to whom, in order."""

    id: str
    title: str
    says: str
    steps: list[Step]


class Table(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """All of `responsibilities.yaml`."""

    parties: dict[Party, str]
    off_wire: dict[str, OffWire]
    taps: dict[str, str]
    themes: list[Theme]
    boundary_tests: dict[str, BoundaryTest]
    sequences: list[Sequence]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The table of a version of the specification, from its folder.

        Raises:
            SpecificationError: there is none, or it does not have its form.
        """
        try:
            return msgspec.yaml.decode((folder / SOURCE).read_bytes(), type=cls)
        except FileNotFoundError:
            raise SpecificationError(f"{folder} holds no {SOURCE}") from None
        except msgspec.ValidationError as error:
            raise SpecificationError(f"{SOURCE} does not have its form: {error}") from error

    def rows(self) -> Iterator[Row]:
        """All rows, theme by theme."""
        return (row for theme in self.themes for row in theme.rows)

    def guarded_by(self, requirement: str) -> list[Row]:
        """The rows that a rule guards."""
        return [row for row in self.rows() if requirement in row.guards]
