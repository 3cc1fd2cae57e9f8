"""Examples as twins: what is invalid is a valid one with a single change, at the place that `faults.yaml` names."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from version import FOLDER, SCHEMAS

EXAMPLES = FOLDER / "examples"
OBJECTS = [name for name, schema in SCHEMAS.items() if schema["type"] == "object"]
INVALID = [path for name in OBJECTS for path in sorted((EXAMPLES / name / "invalid").iterdir())]


def read(path: Path) -> Any:
    """The value of an example."""
    return json.loads(path.read_bytes()) if path.suffix == ".json" else yaml.safe_load(path.read_bytes())


def differences(left: Any, right: Any, at: str = "") -> list[str]:
    """Pointers to the places where two values differ; 1, 1.0 and true are three values."""
    if isinstance(left, dict) and isinstance(right, dict):
        shared = [pointer for key in left.keys() & right.keys() for pointer in _inside(left, right, key, at)]
        return shared + [f"{at}/{key}" for key in left.keys() ^ right.keys()]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return [pointer for index in range(len(left)) for pointer in _inside(left, right, index, at)]
    return [] if (type(left), left) == (type(right), right) else [at]


def _inside(left: Any, right: Any, key: str | int, at: str) -> list[str]:
    return differences(left[key], right[key], f"{at}/{key}")


@pytest.mark.parametrize(
    ("left", "right", "places"),
    [
        pytest.param({"a": 1}, {"a": 1}, [], id="equal"),
        pytest.param({"a": 1}, {"a": True}, ["/a"], id="one-is-not-true"),
        pytest.param({"a": 1}, {"a": 1.0}, ["/a"], id="digits-are-not-a-fraction"),
        pytest.param({"a": 1}, {}, ["/a"], id="member-missing"),
        pytest.param({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, ["/a/0/b"], id="deep"),
        pytest.param({"a": [1]}, {"a": []}, ["/a"], id="shorter-list"),
    ],
)
def test_differences_are_found(left: Any, right: Any, places: list[str]) -> None:
    """The measure of the test below is itself measured."""
    assert differences(left, right) == places


@pytest.mark.parametrize("path", INVALID, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_invalid_example_is_a_valid_one_with_one_change(path: Path) -> None:
    """Otherwise a peer could refuse it for something else than its fault."""
    at = yaml.safe_load((path.parents[1] / "faults.yaml").read_bytes())[path.name]["at"]
    siblings = sorted((path.parents[1] / "valid").iterdir())
    changes = {sibling.name: differences(read(sibling), read(path)) for sibling in siblings}
    twins = [places[0] for places in changes.values() if len(places) == 1]
    assert any(f"{place}/".startswith(f"{at}/") for place in twins), changes


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_two_examples_are_the_same(name: str) -> None:
    """Each shows something of its own."""
    texts = [json.dumps(read(path), sort_keys=True) for path in (EXAMPLES / name).glob("*/*")]
    assert len(texts) == len(set(texts))
