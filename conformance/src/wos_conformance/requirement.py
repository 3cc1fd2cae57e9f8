"""One rule of the specification, as data."""

import re
from dataclasses import dataclass
from typing import Literal

Level = Literal["MUST", "SHOULD", "MAY"]
Role = Literal["wos", "agent"]
Origin = Literal["margo", "resolved", "added"]

KEYWORDS = ("MUST NOT", "SHOULD NOT", "MUST", "SHOULD", "MAY")
KEYWORD = re.compile(rf"\b({'|'.join(KEYWORDS)})\b")


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """A rule: the sentence from its chapter and the row from the index, under one id; `line` is its line there."""

    id: str
    role: Role
    sentence: str
    keyword: str
    chapter: str
    line: int = 0
    origin: Origin
    source: tuple[str, ...] = ()
    feature: str | None = None
    needs: tuple[str, ...] = ()
    schema: str | None = None
    contested: str | None = None
    untestable: str | None = None

    @property
    def level(self) -> Level:
        """The level of the keyword; a prohibition has the level of its positive."""
        return self.keyword.removesuffix(" NOT")  # type: ignore[return-value]

    @property
    def area(self) -> str:
        """The part of the id before the dot, which is also the name of the chapter."""
        return self.id.partition(".")[0]
