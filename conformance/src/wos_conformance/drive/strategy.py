"""Hypothesis strategies for what travels on the wire, valid by the schemas unless the name says otherwise."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from wos_conformance.drive.client import MANIFEST_TYPE

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,14}", fullmatch=True)
SEGMENTS = st.from_regex(r"[A-Za-z0-9~_-][A-Za-z0-9._~-]{0,12}", fullmatch=True)
STATES = st.sampled_from(["pending", "installing", "installed", "failed", "removing", "removed"])
REVISIONS = st.builds(
    "{}.{}.{}{}".format, *[st.integers(0, 999)] * 3, st.sampled_from(["", "-rc.1", "_build.7", "-beta_5"])
)
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
_AMBIGUOUS = st.sampled_from(
    ["on", "no", "~", "null", "0o17", "1e3", "2024-01-31", ".inf", "- a", "a: b", "#", "'", " "]
)
_NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False, width=32)
_LABELS = st.one_of(_TEXT, _NUMBERS, st.booleans(), st.lists(_TEXT, max_size=3), st.lists(_NUMBERS, max_size=3))
_SCALARS = st.one_of(
    _TEXT, _AMBIGUOUS, st.integers(-(2**53), 2**53), st.booleans(), st.sampled_from([0.5, -2.25, 1e-3])
)
PARAMETER_VALUES = _SCALARS | st.lists(_SCALARS, max_size=3)
_VALUES = st.recursive(
    st.none() | _TEXT | _AMBIGUOUS | st.booleans() | st.integers(-(2**53), 2**53),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_ARCHITECTURES = st.sampled_from(["amd64", "arm64", "arm"])
_PERIPHERALS = st.sampled_from(["gpu", "display", "camera", "microphone", "speaker"])
_INTERFACES = st.sampled_from(["ethernet", "wifi", "cellular", "bluetooth", "usb", "canbus", "rs232"])
_HOSTING = (
    *("cpus", "memory", "storage", "peripherals", "interfaces", "otelCollector"),
    *("supportedRuntimes", "supportedDeploymentTypes"),
)


def device_ids() -> st.SearchStrategy[str]:
    """Device ids of one segment; those with more belong to the children of a gateway."""
    return SEGMENTS | st.text("abcXYZ019-._~", min_size=150, max_size=200).filter(lambda text: set(text) != {"."})


def children(gateway: str) -> st.SearchStrategy[str]:
    """Ids of devices behind a gateway, one to four segments below it."""
    return st.lists(SEGMENTS, min_size=1, max_size=4).map(lambda segments: "/".join([gateway, *segments]))


def extensions() -> st.SearchStrategy[dict[str, Any]]:
    """Up to two extensions that nobody knows."""
    named = NAMES.map(lambda name: f"x-{name}-extensions")
    return st.dictionaries(named, st.dictionaries(_TEXT, _VALUES, max_size=2), max_size=2)


@st.composite
def capabilities(draw: st.DrawFn, device_id: str) -> dict[str, Any]:
    """Valid capabilities with labels of every type, unknown types and members, and extensions."""
    open_list = st.lists(st.sampled_from(["oci", "custom", "compose", "helm", "wasm", "unikernel"]), min_size=1)
    peripheral = st.fixed_dictionaries({"type": _PERIPHERALS}, optional={"manufacturer": _TEXT, "model": _TEXT})
    cores = st.integers(1, 256) | st.sampled_from([0.5, 2.4])
    properties: dict[str, Any] = {
        "id": device_id,
        "vendor": draw(_TEXT),
        "modelNumber": draw(_TEXT),
        "serialNumber": draw(_TEXT),
        "cpus": draw(st.lists(st.fixed_dictionaries({"cores": cores}, optional={"architecture": _ARCHITECTURES}))),
        "memory": f"{draw(st.integers(0, 4096))}{draw(st.sampled_from(['Ki', 'Mi', 'Gi', ' Gi']))}",
        "storage": f"{draw(st.integers(0, 4096))}{draw(st.sampled_from(['Gi', ' Ti', 'Pi', 'Ei']))}",
        "peripherals": draw(st.lists(peripheral, max_size=2)),
        "interfaces": [{"type": kind} for kind in draw(st.lists(_INTERFACES, max_size=3))],
        "otelCollector": True,
        "supportedRuntimes": draw(open_list),
        "supportedDeploymentTypes": draw(open_list),
    }
    if draw(st.booleans()) and draw(st.booleans()):
        properties = {name: value for name, value in properties.items() if name not in _HOSTING}
    unknown = draw(st.dictionaries(NAMES.map("more-{}".format), _VALUES, max_size=1))
    document: dict[str, Any] = {"properties": properties | unknown}
    if labels := draw(st.dictionaries(_TEXT, _LABELS, max_size=3)):
        document["labels"] = labels
    return document | draw(extensions())


@st.composite
def _components(draw: st.DrawFn) -> list[dict[str, Any]]:
    names = draw(st.lists(NAMES, min_size=1, max_size=8, unique=True))
    components = []
    for name in names:
        properties = {"repository": f"oci://registry.example/{name}", "revision": draw(REVISIONS)}
        members = st.fixed_dictionaries(
            {}, optional={"wait": st.booleans(), "timeout": st.just("2m0s"), "note": _VALUES.filter(bool)}
        )
        components.append({"name": name, "properties": properties | draw(members), **draw(extensions())})
    return components


@st.composite
def applications(draw: st.DrawFn) -> dict[str, Any]:
    """Application descriptions with one profile of one to eight components and up to four parameters."""
    kind = draw(st.sampled_from(["compose", "helm"]))
    components = draw(_components())
    profile = {"type": kind, "id": kind, "components": components, **draw(extensions())}
    if draw(st.booleans()):
        expression = {"key": draw(NAMES), "operator": "In", "values": [draw(_AMBIGUOUS), 1, 0.5, True]}
        profile["deviceConstraints"] = {"eligibilityRules": [{"labelSelector": {"matchExpressions": [expression]}}]}
    names = [part["name"] for part in components]
    return {
        "apiVersion": "v1",
        "id": f"com-example-{draw(NAMES)}",
        "metadata": {
            "name": draw(NAMES),
            "version": draw(REVISIONS),
            "catalog": {"organization": [{"name": "Example"}]},
        },
        "deploymentProfiles": [profile],
        "parameters": draw(st.dictionaries(NAMES, _parameters(names), max_size=4)),
    }


def _parameters(components: Sequence[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Parameters with or without a value of their own, for some of these components."""
    some = st.lists(st.sampled_from(components), min_size=1, max_size=3, unique=True)
    targets = st.lists(st.fixed_dictionaries({"pointer": NAMES, "components": some}), min_size=1, max_size=2)
    return st.fixed_dictionaries({"targets": targets}, optional={"value": PARAMETER_VALUES})


def accepts() -> st.SearchStrategy[str]:
    """Values of `Accept`: up to four ranges, of which some fit a manifest, each with a quality or without."""
    kinds = [MANIFEST_TYPE, MANIFEST_TYPE.upper(), "application/*", "*/*", "application/json", "text/plain", "image/*"]
    weights = ["", ";q=0", "; q=0.000", ";q=0.001", " ; Q=0.5", ";q=1.000", ";q=1"]
    ranges = st.builds("{}{}".format, st.sampled_from(kinds), st.sampled_from(weights))
    return st.lists(ranges, min_size=1, max_size=4).map(", ".join)


def accept_encodings() -> st.SearchStrategy[str]:
    """Values of `Accept-Encoding`: up to three codings, known or not, each with a quality or without."""
    codings = st.sampled_from(["gzip", "GZIP", "x-gzip", "deflate", "br", "zstd", "identity", "*"])
    weights = st.sampled_from(["", ";q=0", ";q=0.5", "; q=0.000", ";q=1"])
    return st.lists(st.builds("{}{}".format, codings, weights), min_size=1, max_size=3).map(",".join)


def conditions(tags: Sequence[str]) -> st.SearchStrategy[str]:
    """Values of `If-None-Match`: up to three tags, of these or others, strong or weak."""
    others = ['""', '"other"', '"a, b"', '"sha256:' + "0" * 64 + '"']
    listed = st.builds("{}{}".format, st.sampled_from(["", "W/"]), st.sampled_from([*tags, *others]))
    return st.just("*") | st.lists(listed, min_size=1, max_size=3).map(" , ".join)
