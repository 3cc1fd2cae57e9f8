"""What judges say of each story and of an ordinary day, occasion by occasion: `+` for kept, `-` for broken.

Run as a program, it writes that down.
"""

import json
import sys
from functools import cache
from pathlib import Path

from life import DAYS
from synthetic import happened, lived
from tales import Tale, all_tales
from wos_conformance.history import History
from wos_conformance.judges import REGISTER
from wos_conformance.specification import Specification

WRITTEN = Path(__file__).parent / "judges" / "said.json"


def said_of(requirement: str, history: History) -> str:
    """One sign for each occasion, in the order of the judge."""
    return "".join("+" if judgement.kept else "-" for judgement in REGISTER[requirement](history))


@cache
def day_of(role: str) -> History:
    """The ordinary day of a role."""
    return DAYS[role]()


@cache
def histories(tale: Tale) -> dict[str, History]:
    """A story without and with its sin, each alone and after an ordinary day of somebody else."""
    told = {"good": happened(tale, sin=False), "sin": happened(tale, sin=True)}
    return told | {f"{what} later": lived(history) for what, history in told.items()}


def for_everybody() -> list[str]:
    """The rules that bind a product without any feature."""
    known = Specification.load().requirements
    return [requirement for requirement in sorted(REGISTER) if known[requirement].feature is None]


def said_on_day(requirement: str) -> str:
    """What is said of the ordinary day of the rule's role."""
    return said_of(requirement, day_of(Specification.load().requirement(requirement).role))


def said_in(tale: Tale) -> dict[str, str]:
    """What is said of a story."""
    return {what: said_of(tale.requirement, history) for what, history in histories(tale).items()}


def main() -> int:
    """Write all of it down."""
    value = {
        "days": {requirement: said_on_day(requirement) for requirement in for_everybody()},
        "tales": {str(tale): said_in(tale) for tale in sorted(all_tales(), key=str)},
    }
    WRITTEN.write_text(json.dumps(value, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
