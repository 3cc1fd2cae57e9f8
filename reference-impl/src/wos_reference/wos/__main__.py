"""`python -m wos_reference.wos` is the command `reference-wos`."""

from wos_reference.wos.cli import main

main()
