"""`python -m mutants ROLE NAME MARKER ARGUMENTS`: the reference command of a role with one sin committed.

MARKER is a file that is there once the sin is committed, so that one that did not start is not taken for a dead one.
"""

import sys
from importlib import import_module
from pathlib import Path

from mutants import mutants_of
from mutants.control import CONTROLS


def main() -> None:
    """Commit the sin, then run the command as usual."""
    _, role, name, marker, *arguments = sys.argv
    known = CONTROLS[role] if name in CONTROLS[role] else mutants_of(role)  # type: ignore[index, arg-type]
    known[name].commit()
    Path(marker).touch()
    sys.argv[1:] = arguments
    import_module(f"wos_reference.{role}.cli").main()


main()
