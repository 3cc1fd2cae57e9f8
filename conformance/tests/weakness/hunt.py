"""Asks the stories about changed judges: each change is asked of those alone that come by the line."""

import importlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any, Literal

import pytest

import wos_conformance.judges
from wos_conformance.judges import REGISTER

from weakness.mutation import Mutation

ROOT = Path(wos_conformance.judges.__file__).parent
STORIES = Path(__file__).parents[1] / "judges"
PATIENCE = 20.0
"""Seconds after which a judge that was changed is taken for one that never ends."""
_KILLED, _SURVIVED, _BROKEN = 1, 0, 2
Fate = Literal["killed", "survived", "unreached", "no program"]
Ask = Callable[[], None]


class Stories:
    """The tests of judges, and which lines of judges each of them comes by."""

    def __init__(self) -> None:
        self._asks = list(_collected())
        self._by_line: dict[tuple[str, int], list[int]] = {}
        self._by_file: dict[str, list[int]] = {}
        for number, ask in enumerate(self._asks):
            lines = _traced(ask)
            for place in lines:
                self._by_line.setdefault(place, []).append(number)
            for file in {file for file, _ in lines}:
                self._by_file.setdefault(file, []).append(number)

    def about(self, mutation: Mutation) -> list[Ask]:
        """The tests that come by a change; those of its module when it stands outside of all functions."""
        file = str(mutation.path)
        if mutation.function == "module":
            numbers = self._by_file.get(file, [])
        else:
            numbers = self._by_line.get((file, mutation.line), [])
        return [self._asks[number] for number in numbers]


def _collected() -> Iterator[Ask]:
    """The tests below `judges/` as functions without arguments."""
    found: list[pytest.Item] = []

    class Collector:
        def pytest_collection_finish(self, session: pytest.Session) -> None:
            found.extend(session.items)

    pytest.main(["--collect-only", "-p", "no:terminal", str(STORIES)], plugins=[Collector()])
    for item in found:
        assert isinstance(item, pytest.Function)
        yield _asking(item.obj, item.callspec.params if hasattr(item, "callspec") else {})


def _asking(function: Callable[..., None], arguments: dict[str, Any]) -> Ask:
    return lambda: function(**arguments)


def _traced(ask: Ask) -> set[tuple[str, int]]:
    """The lines of judges that a test comes by."""
    root, seen = str(ROOT), set()

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        seen.add((frame.f_code.co_filename, frame.f_lineno))
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
        yield from zip(mutations, pool.map(lambda mutation: _fate(mutation, stories.about(mutation)), mutations))


def _fate(mutation: Mutation, asks: Sequence[Ask]) -> Fate:
    if not asks:
        return "unreached"
    process = multiprocessing.get_context("fork").Process(target=_asked, args=(mutation, asks))
    process.start()
    process.join(PATIENCE)
    if process.is_alive():
        process.kill()
        process.join()
        return "killed"
    ends: dict[int | None, Fate] = {_SURVIVED: "survived", _BROKEN: "no program"}
    return ends.get(process.exitcode, "killed")


def _asked(mutation: Mutation, asks: Sequence[Ask]) -> None:
    """In a process of its own: the judges are loaded anew with the change, then the tests are run up to the first no."""
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
        exec(self._code, module.__dict__)  # noqa: S102 - it is ours, with one thing changed
