"""The words of the command `wos-conformance`, one module each; `wos_conformance.cli` puts them together.

Exit codes: 0 conformant, 1 not conformant, 2 wrong usage, 3 could not judge. What else ends a word says so itself.
"""
