"""Asks the stories about changed judges: each change is asked of those alone that come by the line."""

import importlib
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any, Literal

import pytest

import wos_conformance.judges
from weakness.mutation import Mutation
from wos_conformance.judges import REGISTER

ROOT = Path(wos_conformance.judges.__file__).parent
STORIES = [Path(__file__).parents[1] / "judges", Path(__file__).parents[1] / "test_said.py"]
PATIENCE = 20.0
"""Seconds that stories may take longer than while they were traced; after that a judge is taken for one without end."""
_KILLED, _SURVIVED, _BROKEN = 1, 0, 2
Fate = Literal["killed", "survived", "unreached", "no program", "endless"]
Ask = Callable[[], None]
Place = tuple[str, int | str]
"""A file with a line, with the name of a function, or with nothing."""


class Stories:
    """The tests of judges, and which lines of judges each of them comes by."""

    def __init__(self) -> None:
        self._asks, self._areas = zip(*_collected(), strict=True)
        _borrowed()
        self._by_place: dict[Place, list[int]] = {}
        self._seconds: dict[Ask, float] = {}
        for number, ask in enumerate(self._asks):
            began = time.monotonic()
            for place in _traced(ask):
                self._by_place.setdefault(place, []).append(number)
            self._seconds[ask] = time.monotonic() - began

    def about(self, mutation: Mutation) -> list[Ask]:
        """The tests that come by the line of a change, or else by its function or its module; those of its area.

        The interpreter does not tell of lines such as `continue`, nor of what is done once when a module is loaded.
        """
        file = str(mutation.path)
        places = ((file, mutation.line), (file, mutation.function), (file, ""))
        numbers = next((self._by_place[place] for place in places if place in self._by_place), [])
        if mutation.path.parent != ROOT:
            numbers = [number for number in numbers if self._areas[number] in ("", mutation.path.parent.name)]
        return [self._asks[number] for number in numbers]

    def patience(self, asks: Sequence[Ask]) -> float:
        """The seconds after which tests are not waited for any longer."""
        return PATIENCE + sum(self._seconds[ask] for ask in asks)


def _collected() -> Iterator[tuple[Ask, str]]:
    """The tests of judges as functions without arguments; an area when a test is about one, as its folder is called."""
    found: list[pytest.Item] = []

    class Collector:
        def pytest_collection_finish(self, session: pytest.Session) -> None:
            found.extend(session.items)

    pytest.main(["--collect-only", "-p", "no:terminal", *map(str, STORIES)], plugins=[Collector()])
    for item in found:
        assert isinstance(item, pytest.Function)
        arguments = item.callspec.params if hasattr(item, "callspec") else {}
        about = str(arguments.get("tale", arguments.get("requirement", "")))
        yield _asking(item.obj, arguments), about.partition(".")[0].replace("-", "_")


def _asking(function: Callable[..., None], arguments: dict[str, Any]) -> Ask:
    return lambda: function(**arguments)


def _traced(ask: Ask) -> set[Place]:
    """The lines, functions and modules of judges that a test comes by."""
    root = str(ROOT)
    seen: set[Place] = set()

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        file = frame.f_code.co_filename
        seen.update({(file, frame.f_lineno), (file, frame.f_code.co_name), (file, "")})
        return line

    def call(frame: FrameType, event: str, argument: Any) -> Any:
        return line if frame.f_code.co_filename.startswith(root) else None

    sys.settrace(call)
    try:
        ask()
    finally:
        sys.settrace(None)
    return seen


def fates(mutations: Sequence[Mutation], stories: Stories, workers: int) -> Iterable[tuple[Mutation, Fate]]:
    """What becomes of each change, in order."""
    with ThreadPoolExecutor(workers) as pool:
        found = pool.map(lambda mutation: _fate(mutation, stories), mutations)
        yield from zip(mutations, found, strict=True)


def _fate(mutation: Mutation, stories: Stories) -> Fate:
    asks = stories.about(mutation)
    if not asks:
        return "unreached"
    process = multiprocessing.get_context("fork").Process(target=_asked, args=(mutation, asks))
    process.start()
    process.join(stories.patience(asks))
    if process.is_alive():
        process.kill()
        process.join()
        return "endless"
    ends: dict[int | None, Fate] = {_SURVIVED: "survived", _BROKEN: "no program"}
    return ends.get(process.exitcode, "killed")


def _asked(mutation: Mutation, asks: Sequence[Ask]) -> None:
    """In a process of its own: judges are loaded anew with the change, then the tests are run up to the first no."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
    try:
        _load(mutation)
    except BaseException:  # noqa: BLE001 - whatever the changed code raises
        os._exit(_BROKEN)
    try:
        for ask in asks:
            ask()
    except BaseException:  # noqa: BLE001 - whatever a test raises is a no
        os._exit(_KILLED)
    os._exit(_SURVIVED)


def _load(mutation: Mutation) -> None:
    inner = mutation.path.relative_to(ROOT).with_suffix("")
    changed = ".".join([wos_conformance.judges.__name__, *(part for part in inner.parts if part != "__init__")])
    code = compile(mutation.code, str(mutation.path), "exec")
    for name in [name for name in sys.modules if name.startswith(wos_conformance.judges.__name__)]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Changed(changed, code))
    loaded = importlib.import_module(wos_conformance.judges.__name__)
    REGISTER.clear()
    REGISTER.update(loaded.REGISTER)
    for borrower, name, lender, inner in _borrowed():
        setattr(borrower, name, getattr(sys.modules[lender], inner))


@cache
def _borrowed() -> list[tuple[ModuleType, str, str, str]]:
    """What modules outside judges took from judges when they were loaded: who, under which name, and from where."""
    package = wos_conformance.judges.__name__
    return [
        (module, name, value.__module__, value.__name__)
        for module in list(sys.modules.values())
        if not module.__name__.startswith(package)
        for name, value in list(vars(module).items())
        if callable(value) and str(getattr(value, "__module__", "")).startswith(package) and hasattr(value, "__name__")
    ]


class _Changed(MetaPathFinder, Loader):
    """Finds one module with other code than its file has."""

    def __init__(self, name: str, code: CodeType) -> None:
        self._name = name
        self._code = code

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The changed module, and no other."""
        return ModuleSpec(name, self) if name == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed code."""
        exec(self._code, module.__dict__)
