"""Arguments that several words take, and the sentence that ends a word which cannot judge."""

import sys
from typing import NoReturn

import click

from wos_conformance.specification import Specification, SpecificationError

EXIT_COULD_NOT_JUDGE = 3


class RequirementId(click.ParamType[str]):
    """The id of a requirement; a wrong one is answered with the nearest right one."""

    name = "requirement"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that the specification has this id."""
        try:
            return Specification.load().requirement(value).id
        except SpecificationError as error:
            self.fail(str(error), param, ctx)


def could_not_judge(reason: str) -> NoReturn:
    """Say why nothing can be said of the target, and end with exit code 3."""
    click.echo(f"could not judge: {reason}", err=True)
    sys.exit(EXIT_COULD_NOT_JUDGE)
