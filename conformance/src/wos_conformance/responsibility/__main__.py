"""`python -m wos_conformance.responsibility` is `wos-conformance matrix`."""

from wos_conformance.command.matrix import matrix

if __name__ == "__main__":
    matrix(prog_name="python -m wos_conformance.responsibility")
