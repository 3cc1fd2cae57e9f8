"""Hypothesis strategies for what travels on the wire, valid by the schemas unless the name says otherwise."""

from typing import Any

from hypothesis import strategies as st

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,14}", fullmatch=True)
SEGMENTS = st.from_regex(r"[A-Za-z0-9~_-][A-Za-z0-9._~-]{0,12}", fullmatch=True)
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
_NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False, width=32)
_LABELS = st.one_of(
    _TEXT, _NUMBERS, st.booleans(), st.lists(_TEXT, min_size=1, max_size=3), st.lists(_NUMBERS, min_size=1, max_size=3)
)
REVISIONS = st.builds("{}.{}.{}".format, *[st.integers(0, 999)] * 3)
PARAMETER_VALUES = st.one_of(_TEXT, st.integers(-(2**53), 2**53), st.booleans())


def device_ids() -> st.SearchStrategy[str]:
    """Device ids of one segment; those with more belong to the children of a gateway."""
    return SEGMENTS


@st.composite
def capabilities(draw: st.DrawFn, device_id: str) -> dict[str, Any]:
    """Valid capabilities with labels of every type, unknown types and extensions."""
    properties: dict[str, Any] = {
        "id": device_id,
        "vendor": draw(_TEXT),
        "modelNumber": draw(_TEXT),
        "serialNumber": draw(_TEXT),
        "cpus": [{"cores": draw(st.integers(1, 256) | st.sampled_from([0.5, 2.4])), "architecture": "arm64"}],
        "memory": f"{draw(st.integers(1, 4096))}{draw(st.sampled_from(['Mi', 'Gi', ' Gi']))}",
        "storage": f"{draw(st.integers(1, 4096))}{draw(st.sampled_from(['Gi', 'Ti']))}",
        "peripherals": [{"type": kind} for kind in draw(st.lists(st.sampled_from(["gpu", "camera"]), max_size=2))],
        "interfaces": [],
        "otelCollector": True,
        "supportedRuntimes": ["oci"],
        "supportedDeploymentTypes": draw(st.lists(st.sampled_from(["compose", "helm", "custom"]), min_size=1)),
    }
    document: dict[str, Any] = {"properties": properties}
    if labels := draw(st.dictionaries(_TEXT.filter(bool), _LABELS, max_size=3)):
        document["labels"] = labels
    for name in draw(st.lists(NAMES, max_size=2)):
        document[f"x-{name}-extensions"] = draw(st.dictionaries(_TEXT, _TEXT, max_size=2))
    return document


@st.composite
def applications(draw: st.DrawFn) -> dict[str, Any]:
    """Application descriptions with one profile of one to eight components and up to three parameters."""
    kind = draw(st.sampled_from(["compose", "helm"]))
    names = draw(st.lists(NAMES, min_size=1, max_size=8, unique=True))
    components = [
        {"name": name, "properties": {"repository": f"oci://registry.example/{name}", "revision": draw(REVISIONS)}}
        for name in names
    ]
    description: dict[str, Any] = {
        "apiVersion": "v1",
        "id": f"com-example-{draw(NAMES)}",
        "metadata": {
            "name": draw(NAMES),
            "version": draw(REVISIONS),
            "catalog": {"organization": [{"name": "Example"}]},
        },
        "deploymentProfiles": [{"type": kind, "id": kind, "components": components}],
        "parameters": {},
    }
    for name in draw(st.lists(NAMES, max_size=3, unique=True)):
        targets = [{"pointer": name, "components": [draw(st.sampled_from(names))]}]
        description["parameters"][name] = {"value": draw(PARAMETER_VALUES), "targets": targets}
    return description
