"""The command `wos-conformance`: its words live in `wos_conformance.command`, one module each."""

import click

import wos_conformance
from wos_conformance.command.explain import explain
from wos_conformance.command.init import init
from wos_conformance.command.judge import judge
from wos_conformance.command.listing import list_requirements
from wos_conformance.command.run import run
from wos_conformance.command.spec import spec


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(wos_conformance.__version__, prog_name="wos-conformance")
def main() -> None:
    """Judge a WOS or an agent by the WOS-Agent specification."""


for _word in (run, judge, list_requirements, explain, init, spec):
    main.add_command(_word)


if __name__ == "__main__":
    main()
