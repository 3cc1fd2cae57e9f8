"""Documents: the scalars of YAML 1.2, the parameters of each component, and what is not read at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wos_reference.agent.desired_state import ManifestError, read_manifest
from wos_reference.agent.document import DocumentError, parameters_of, read_document
from wos_reference.agent.report import MOST_SEVERE_FIRST, overall_state

ID = "00000000-0000-4000-8000-000000000001"
TEXT = """
id: {id}
metadata: {{name: mixer, namespace: mixer, deviceId: press-7}}
spec:
  applicationId: mixer
  deploymentProfile:
    type: compose
    components: [{{name: mixer, properties: {{repository: "oci://r/m", revision: 1.4.2}}}}]
  parameters: {{speed: {{value: {value}, targets: [{{pointer: SPEED, components: [mixer]}}]}}}}
"""
SCALARS = {
    "12": 12,
    "012": 12,
    "-3": -3,
    "1.5": 1.5,
    "1e3": 1000.0,
    "on": "on",
    "yes": "yes",
    "true": True,
    "2024-01-31": "2024-01-31",
    "12:30:45": "12:30:45",
    "1_000": "1_000",
    "'12'": "12",
    "18446744073709551615": 2**64 - 1,
    "[1, a, false]": [1, "a", False],
}


def value_of(text):
    return read_document(TEXT.format(id=ID, value=text).encode(), ID).components[0].parameters["SPEED"]


@pytest.mark.parametrize("text", SCALARS)
def test_scalar_is_read_as_yaml_1_2_does(text):
    assert value_of(text) == SCALARS[text]
    assert type(value_of(text)) is type(SCALARS[text])


@pytest.mark.parametrize("text", [".nan", ".inf", "null", "{a: 1}", "!!binary aGk=", "!!timestamp 2024-01-31", "!x y"])
def test_value_is_none_that_a_parameter_can_have(text):
    with pytest.raises(DocumentError):
        value_of(text)


def test_of_two_targets_at_one_place_the_later_name_counts():
    target = {"pointer": "A", "components": ["one"]}
    parameters = {"b": {"value": 1, "targets": [target]}, "a": {"value": 2, "targets": [target]}}
    assert parameters_of("one", parameters) == {"A": 1}


# YAML has no pair of escapes for one character, as JSON has above U+FFFF.
TEXTS = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]))


@given(TEXTS | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False))
def test_value_in_json_arrives_unchanged(value):
    assert value_of(json.dumps(value)) == value


def test_parameters_go_to_the_components_that_they_name():
    targets = [{"pointer": "A", "components": ["one", "two"]}, {"pointer": "B", "components": ["two"]}]
    parameters = {"speed": {"value": 1, "targets": targets}}
    assert parameters_of("one", parameters) == {"A": 1}
    assert parameters_of("two", parameters) == {"A": 1, "B": 1}
    assert parameters_of("three", parameters) == {}


@given(st.binary())
def test_any_bytes_are_read_or_refused(body):
    for read in (lambda: read_document(body, ID), lambda: read_manifest(body)):
        with pytest.raises((ManifestError, DocumentError)):
            read()


@given(st.lists(st.sampled_from(MOST_SEVERE_FIRST), min_size=1))
def test_overall_state_is_the_most_severe(states):
    overall = overall_state(states)
    assert overall in states
    assert all(MOST_SEVERE_FIRST.index(overall) <= MOST_SEVERE_FIRST.index(state) for state in states)
