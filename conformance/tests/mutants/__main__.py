"""`python -m mutants ROLE NAME ARGUMENTS`: the reference command of a role with one sin committed."""

import sys
from importlib import import_module


def main() -> None:
    """Commit the sin, then run the command as usual."""
    role, name = sys.argv[1:3]
    import_module(f"mutants.{role}").MUTANTS[name].commit()
    sys.argv[1:3] = []
    import_module(f"wos_reference.{role}.cli").main()


main()
