"""`python -m wos_conformance` is the command `wos-conformance`."""

from wos_conformance.cli import main

main()
