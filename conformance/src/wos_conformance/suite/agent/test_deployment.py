"""Situations around what stands in a document (deployment.md)."""

from collections.abc import Iterable

import pytest

from wos_conformance.drive.package import ARCHIVE_FLAWS
from wos_conformance.suite.agent.stage import Stage
from wos_conformance.suite.agent.wanted import SPELLINGS


@pytest.mark.gives("deployment.ambiguous-yaml-refused", "status.failure-explained", "status.failed-stays")
def test_documents_can_be_read_in_two_ways(agent: Stage) -> None:
    """One deployment comes plainly written, and others as no document may be written."""
    device = agent.start()
    good, *odd = device.install(), *(device.install().spelled(spelling) for spelling in SPELLINGS)
    device.adopts(device.publish(good, *odd))
    device.polled(2)
    device.adopts(device.publish(device.change(good), *odd))


@pytest.mark.gives("deployment.ineligible-not-run")
def test_constraints_do_not_hold(agent: Stage) -> None:
    """Of deployments that differ in one constraint, those run whose constraints hold."""
    device = agent.start()
    label = device.capabilities["labels"]["line"]
    fits = device.install().only_where("line", label, holds=True)
    others = [
        device.install().only_where("line", label + 1, holds=False),
        device.install().only_where("nowhere", label, holds=False),
        device.install().only_where("line", label, operator="Resembles", holds=False),
    ]
    device.adopts(device.publish(fits, *others))
    device.polled(2)
    device.adopts(device.publish(device.change(fits), *others))


@pytest.mark.gives("deployment.parameters-applied", "desired-state.converges")
def test_parameters_have_every_type(agent: Stage) -> None:
    """Parameters with many kinds of values go to some of three components, and to one that is not there."""
    device = agent.start()
    wanted = device.install(components=3)
    names = [part["name"] for part in wanted.application["deploymentProfiles"][0]["components"]]
    values = {
        "text": "plain",
        "switch": "on",
        "day": "2024-01-31",
        "empty": "",
        "accent": "déjà vu: #1",
        "large": 2**53 + 1,
        "fraction": 0.5,
        "truth": False,
        "list": ["a", "b"],
    }
    targets = {name: [{"pointer": name.upper(), "components": names[:2]}] for name in values}
    targets["text"].append({"pointer": "ALSO_TEXT", "components": [names[2], "component-of-another-profile"]})
    parameters = {name: {"value": value, "targets": targets[name]} for name, value in values.items()}
    parameters["zz-overrides"] = {"value": "later", "targets": [{"pointer": "SWITCH", "components": names[:1]}]}
    device.adopts(device.publish(wanted.with_parameters(parameters)))


HELM = pytest.mark.gives(
    "deployment.helm-in-order",
    "deployment.helm-timeout-fails",
    "deployment.helm-values-set",
    "deployment.helm-namespace-used",
)
COMPOSE = pytest.mark.gives(
    "deployment.compose-in-order", "deployment.compose-timeout-fails", "deployment.compose-environment-set"
)


@pytest.mark.needs("workloads")
@pytest.mark.parametrize("kind", [pytest.param("helm", marks=HELM), pytest.param("compose", marks=COMPOSE)])
def test_first_of_two_components_is_never_ready(agent: Stage, kind: str) -> None:
    """A deployment of two components is installed; of another one the first component cannot be retrieved."""
    device = agent.start()
    good = device.install(components=2, kind=kind)
    device.adopts(device.publish(good))
    stuck = device.install(components=2, kind=kind).unobtainable().impatient("0m1s")
    publication = device.publish(good, stuck)
    device.fails(publication, stuck)
    device.polled(2)


ALTERED_CHART = pytest.mark.gives("deployment.helm-chart-verified", "deployment.helm-namespace-used")
ALTERED_ARCHIVE = pytest.mark.gives("deployment.compose-archive-verified")
ODD_ARCHIVE = pytest.mark.gives("deployment.compose-archive-checked")


@pytest.mark.needs("workloads")
@pytest.mark.parametrize(
    ("kind", "flaws"),
    [
        pytest.param("helm", ("bytes-altered", "missing"), marks=ALTERED_CHART, id="altered-chart"),
        pytest.param("compose", ("bytes-altered", "missing"), marks=ALTERED_ARCHIVE, id="altered-archive"),
        pytest.param("compose", ARCHIVE_FLAWS, marks=ODD_ARCHIVE, id="odd-archive"),
    ],
)
def test_registry_hands_out_something_else(agent: Stage, kind: str, flaws: Iterable[str]) -> None:
    """Beside a deployment with a good package, each of several others has one with another flaw, or none."""
    device = agent.start()
    good, *odd = device.install(kind=kind), *(device.install_spoilt(flaw, kind) for flaw in flaws)
    publication = device.publish(good, *odd)
    device.refuses(publication, *odd)
    device.adopts(publication)
    device.polled(1)


@pytest.mark.gives("deployment.compose-exit-fails")
@pytest.mark.needs("workloads")
def test_container_ends_before_its_component_is_ready(agent: Stage) -> None:
    """Something runs; the container of a further deployment ends at once, long before the time of its component."""
    device = agent.start()
    good, odd = device.install(kind="compose"), device.install_spoilt("container-ends", "compose").impatient("59m0s")
    device.adopts(device.publish(good))
    publication = device.publish(good, odd)
    device.fails(publication, odd)
    device.polled(1)
