"""Defects that were seen in products of others, by number: the mutants that have them, or why there is none."""

import re
from collections.abc import Iterator

from mutants import CATALOGUES, mutants_of

NUMBERS = range(1, 49)
_MARK = re.compile(r"\bD([0-9]{2})\b")
_EARLIER = (
    "belongs to an earlier contract, with onboarding by name and signed messages, which version 1.0 does not have"
)

WITHOUT: dict[int, str] = {
    17: "where a WOS listens is a value of the deployment; a prefix of the paths shows as 404 at every path of 1.0",
    18: "no rule says how long a removal is shown whose client has gone; what a client that returns finds is judged",
    19: _EARLIER,
    20: _EARLIER,
    21: _EARLIER,
    22: _EARLIER,
    23: _EARLIER,
    28: "a number of seconds cannot be told from one of another unit; that agents ask again in time is judged",
    31: "an agent may retrieve documents and bundle as it likes, as long as it verifies what it runs",
    48: _EARLIER,
}
"""Defects without a mutant, each with the reason."""


def mutants_with(number: int) -> list[str]:
    """The mutants that name a defect in their first sentence."""
    return [name for name, marks in _marked() if number in marks]


def _marked() -> Iterator[tuple[str, set[int]]]:
    for role in CATALOGUES:
        for mutant in mutants_of(role).values():
            yield mutant.name, {int(number) for number in _MARK.findall(mutant.told)}


def table() -> str:
    """The table of all defects, in Markdown."""
    rows = (
        f"| D{number:02} | {', '.join(f'`{name}`' for name in mutants_with(number)) or f'none: {WITHOUT[number]}'} |"
        for number in NUMBERS
    )
    return "\n## Defects that were seen\n\n| Defect | Mutants |\n|---|---|\n" + "\n".join(rows) + "\n"
