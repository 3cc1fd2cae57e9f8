"""`conformance.toml`: what the options of `run` say, kept in a file; each key is called like its option.

An option on the command line wins over the file. Paths in the file are relative to its folder.
"""

import difflib
import tomllib
from pathlib import Path
from typing import Any

import click

FILE = "conformance.toml"
FOLDER = "folder of the file"
ROLES = ("wos", "agent")
_KINDS: dict[str, tuple[type, ...]] = {"true or false": (bool,), "a whole number": (int,), "a number": (int, float)}


def option(command: click.decorators.FC) -> click.decorators.FC:
    """The option that names the file; without it, `conformance.toml` in the current folder is read if it is there."""
    return click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        is_eager=True,
        expose_value=False,
        callback=_take,
        help=f"File with a table [wos] or [agent] of options.  [default: {FILE}, if there]",
    )(command)


def _take(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Let the options have the values of the file for defaults.

    Raises:
        click.UsageError: the file is no TOML, or says what no option takes.
    """
    if path is None and not Path(FILE).is_file():
        return
    path = path or Path(FILE)
    table = _table(path, context.info_name or "")
    context.default_map = {FOLDER: str(path.parent.absolute())}
    options = {key_of(p): p for p in context.command.params if isinstance(p, click.Option) and p.name != "config"}
    values = {}
    for key, value in table.items():
        where = f"{path}, [{context.info_name}] {key}"
        if key not in options:
            raise click.UsageError(f"{where}: unknown key; {_nearest(key, list(options))}")
        values[options[key].name or ""] = _value(context, options[key], value, where, path.parent.absolute())
    context.default_map |= values


def folder_of(context: click.Context, option: str) -> str | None:
    """The folder of the file when the value of an option comes from there."""
    source = context.get_parameter_source(option)
    known: str | None = (context.default_map or {}).get(FOLDER)
    return None if source in {click.core.ParameterSource.COMMANDLINE, click.core.ParameterSource.DEFAULT} else known


def key_of(option: click.Parameter) -> str:
    """The key of an option in the file: its long name."""
    return max(option.opts, key=len).removeprefix("--")


def _table(path: Path, role: str) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.UsageError(f"{path}: expected TOML, but {error}; correct the file") from error
    for name, table in content.items():
        if name not in ROLES or not isinstance(table, dict):
            raise click.UsageError(f"{path}, {name}: expected the tables [wos] and [agent] alone; put it into one")
    found: dict[str, Any] = content.get(role, {})
    return found


def _value(context: click.Context, option: click.Option, value: object, where: str, folder: Path) -> Any:
    """The value as if it stood on the command line.

    Raises:
        click.UsageError: the option takes no such value.
    """
    kind = _kind(option)
    texts = value if option.multiple and isinstance(value, list) else [value]
    if (option.multiple and not isinstance(value, list)) or not all(_is(kind, text) for text in texts):
        expected = f"a list, each {kind}" if option.multiple else kind
        raise click.UsageError(f"{where}: expected {expected}, found {value!r}; {_remedy(option)}")
    if isinstance(option.type, click.Path):
        value = str(folder / str(value))
    try:
        option.process_value(context, value)
    except click.BadParameter as error:
        raise click.UsageError(f"{where}: {error.message.rstrip('.')}; {_remedy(option)}") from error
    return value


def _kind(option: click.Option) -> str:
    """What the file holds for an option, in words."""
    if option.is_flag:
        return "true or false"
    if isinstance(option.type, click.types.IntParamType):
        return "a whole number"
    return "a number" if isinstance(option.type, click.types.FloatParamType) else "a text"


def _is(kind: str, value: object) -> bool:
    return isinstance(value, _KINDS.get(kind, (str,))) and (kind == "true or false" or not isinstance(value, bool))


def _remedy(option: click.Option) -> str:
    told = (option.help or "").partition("  [")[0].rstrip(".")
    return f"correct it or leave it out ({told[:1].lower()}{told[1:]})"


def _nearest(word: str, known: list[str]) -> str:
    found = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {found[0]!r}?" if found else f"there are: {', '.join(sorted(known))}"
