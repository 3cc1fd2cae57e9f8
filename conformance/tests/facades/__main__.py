"""`python -m facades ROLE NAME RECORDING ARGUMENTS`: stands in for the reference command of a role."""

import argparse
import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Start the facade with the arguments that the reference would get."""
    _, role, name, recording, _word, *arguments = sys.argv
    parser = argparse.ArgumentParser()
    for option in ("--config", "--listen", "--token-file", "--folder", "--ready-file"):
        parser.add_argument(option)
    import_module(f"facades.{role}").serve(name, Path(recording), parser.parse_args(arguments))


main()
