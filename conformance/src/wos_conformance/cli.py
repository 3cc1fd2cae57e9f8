"""The command `wos-conformance`: its words live in `wos_conformance.command`, one module each."""

from importlib import import_module
from typing import Any

import click

import wos_conformance
from wos_conformance.command.argument import could_not_judge
from wos_conformance.specification import SpecificationError

WORDS = {
    "run": "run",
    "judge": "judge",
    "list": "listing",
    "explain": "explain",
    "init": "init",
    "spec": "spec",
    "matrix": "matrix",
}
"""The words, and the modules of `wos_conformance.command` in which they live, each as `WORD`."""


class Words(click.Group):
    """Loads a word when it is asked for, so that words about the specification work while judges do not fit it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All words, in the order of the table."""
        return list(WORDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command behind a word; None when there is no such word."""
        if cmd_name not in WORDS:
            return None
        module = import_module(f"wos_conformance.command.{WORDS[cmd_name]}")
        word: click.Command = module.WORD
        return word

    def invoke(self, ctx: click.Context) -> Any:
        """Run a word; a specification that contradicts itself or its judges ends it with a sentence."""
        try:
            return super().invoke(ctx)
        except SpecificationError as error:
            could_not_judge(str(error))


@click.command(cls=Words, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(wos_conformance.__version__, prog_name="wos-conformance")
def main() -> None:
    """Judge a WOS or an agent by the WOS-Agent specification."""


if __name__ == "__main__":
    main()
