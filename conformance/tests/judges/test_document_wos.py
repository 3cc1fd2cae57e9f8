"""Judges of what a WOS writes into a document: a story that keeps each rule, and the same one with a sin."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from visits import Assigned, Tales, Visits

TALES = Tales()
Spoil = Callable[[dict[str, Any]], Any]


def written(requirement: str, spoil: Spoil) -> None:
    """A document is published; the sin is in its text."""

    @TALES.of(requirement)
    def tell(story: Visits, sin: bool) -> None:
        wanted = Assigned()
        document = wanted.document
        if sin:
            spoil(document)
        story.shows(wanted, document)


def _components(document: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document["spec"]["deploymentProfile"]["components"]
    return found


written("deployment.document-valid", lambda document: document.pop("spec"))
written("deployment.device-as-assigned", lambda document: document["metadata"].update(deviceId="press-8"))
written("deployment.components-as-described", lambda document: _components(document).reverse())
written("deployment.components-as-described", lambda document: _components(document)[1].update(name="other"))
written("deployment.components-as-described", lambda d: _components(d)[0]["properties"].update(revision="9.9.9"))
written("deployment.components-as-described", lambda d: _components(d)[0]["properties"].update(repository="oci://r/x"))
written("deployment.parameters-as-assigned", lambda document: document["spec"].pop("parameters"))
written("deployment.parameters-as-assigned", lambda d: d["spec"]["parameters"]["rate"].update(value="1"))


@TALES.of("deployment.document-valid")
def document_is_a_mapping(story: Visits, sin: bool) -> None:
    """It is a text."""
    wanted = Assigned()
    story.fetches(wanted, b"nothing" if sin else None)


@TALES.of("deployment.parameters-as-assigned")
def parameter_is_assigned(story: Visits, sin: bool) -> None:
    """The default is passed."""
    wanted = Assigned()
    wanted.values = {} if sin else {"rate": 7}
    document = wanted.document
    wanted.values = {"rate": 7}
    story.shows(wanted, document)


@TALES.of("deployment.update-keeps-id")
def deployment_is_updated(story: Visits, sin: bool) -> None:
    """It gets another id."""
    wanted, another = Assigned(), Assigned()
    story.assign(wanted)
    story.serves(2, wanted)
    story.update(wanted)
    story.serves(3, another if sin else wanted)


@TALES.of("deployment.other-deployments-untouched")
def another_deployment_is_updated(story: Visits, sin: bool) -> None:
    """The document of the first one changes too."""
    wanted, other = Assigned(), Assigned()
    story.assign(wanted, other)
    story.serves(2, wanted, other)
    story.update(other)
    touched = copy.copy(wanted)
    touched.values = {"rate": 1} if sin else {}
    story.serves(3, touched, other)


@pytest.mark.parametrize("name", TALES)
def test_judge_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TALES.assert_judged(name)
